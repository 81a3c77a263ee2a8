"""Parts of the report: numbers for people, and the section on comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from simcrate.statistics.pointcomparison import PointComparison

NARROW_SPACE = "\u202f"  # between thousands, as ISO 80000-1 has it


def number(value: float, digits: int = 4) -> str:
    """A number for people: so many significant digits, thousands apart; `–` for NaN."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(float(f"{value:.{digits}g}"))))
    if not -4 <= size < 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}·10^{int(exponent)}".replace("-", "−")
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", NARROW_SPACE).replace("-", "−")


def comparison_section(comparisons: Sequence[PointComparison]) -> Iterator[str]:
    """The differences that are clear, in a table; nothing where nothing was compared."""
    if not comparisons:
        return
    first = comparisons[0].row.point.label
    order = {name: i for i, name in enumerate(dict.fromkeys(c.row.display for c in comparisons))}
    clear = [found for found in comparisons if found.comparison.is_clear]
    yield '<h2 id="comparisons">Comparisons</h2>\n'
    yield (
        f'<p class="lead">Differences from {escape(first)} whose 95 % interval leaves 0 out: '
        f"{len(clear)} of {len(comparisons)}. One in twenty is clear by chance; "
        "p is adjusted for that.</p>\n"
    )
    if not clear:
        return
    yield '<div class="scroll"><table>\n<thead><tr><th>Statistic</th><th>Point</th>'
    heads = ("Difference", "95 % interval", "Relative", "n", "p", "Method")
    yield "".join(f'<th class="n">{head}</th>' for head in heads)
    yield "</tr></thead>\n<tbody>\n"
    for found in sorted(clear, key=lambda found: order[found.row.display]):
        yield _line(found)
    yield "</tbody></table></div>\n"


def _line(found: PointComparison) -> str:
    comparison, unit = found.comparison, escape(found.row.unit)
    relative, half = comparison.relative, comparison.relative_half_width
    share = "–" if math.isnan(relative) else f"{_percent(relative)} ± {abs(half):.0%}"
    sign = "+" if comparison.difference > 0 else ""
    p_value = found.adjusted_p_value
    p_text = "< 0.001" if p_value < 0.001 else number(p_value, 2)
    cells = (
        f'{sign}{number(comparison.difference)} <span class="unit">{unit}</span>',
        f"± {number(comparison.half_width, 3)}",
        share,
        f"{comparison.n_a}, {comparison.n_b}",
        p_text.replace("<", "&lt;"),
        comparison.method,
    )
    return (
        f"<tr><td>{escape(found.row.display)}</td><td>{escape(found.point.label)}</td>"
        + "".join(f'<td class="n">{cell}</td>' for cell in cells)
        + "</tr>\n"
    )


def _percent(share: float) -> str:
    return f"{share:+.0%}".replace("-", "−")
