"""Hand runs over between machines by a local-cloud in the middle.

Whoever has run holds no credential: it gets a grant for one object.  Whoever packs holds the secret.
A staging server that is away is waited for, as long as the lease can be kept, and space for days; the owner
of the run sees what it waits for, and ends that with a cancel.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx

from simcrate.crate import PackedCrate
from simcrate.errors import (
    CrateError,
    DiskFullError,
    PortError,
    SimCrateError,
    StorageAuthError,
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
    WorkEndedError,
)
from simcrate.pipeline.jobs import RunState
from simcrate.pipeline.part import is_unpacked, note_unpacked, pack_part, unpack_part
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.secret import Secret
from simcrate.simulators.removal import remove_tree
from simcrate.storage import JSON
from simcrate.storage.address import parse_address
from simcrate.storage.local_api import LocalApi, link_path, storage_error
from simcrate.worker.parts import Part, PartsPort
from simcrate.worker.port import Claim

log = logging.getLogger(__name__)
T = TypeVar("T")

GRANT_POLL_S = 0.3
RETRY_S = 3.0
FULL_DISK_RETRY_S = 60.0  # a try may write gigabytes
NO_GRANT = "no machine that packs has given a grant for its results yet"
UNTOLD_S = 5.0  # a grant that is given within it was not waited for
ON_THEIR_WAY = "It has ended, and its results are on their way to the staging server."
GRANT_KEPT_S = 6 * 3600
PART_KEPT_S = 30 * 86400  # a part that nobody removes or extends expires
CHUNK_BYTES = 1 << 20
ENOUGH_S = {"cancelled": 600.0, "refused": 60.0, "full": 3 * 86400.0}
"""For how long a run waits to be handed over once its owner has cancelled it, fresh grants of its machine are
refused, or there is no space for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """The staging local-cloud and the rows about it."""

    url: str
    parts: PartsPort
    secret: Secret | None
    """Only on machines that pack; None: this machine only runs."""

    def put(
        self, part: Part, path: Path, grant: Secret, watch: Watch, *, begun: Callable[[], None]
    ) -> None:
        """Bring a part there; may be repeated.  `WorkEndedError` once the work is no longer ours.

        `begun` is called at each try, once there is a server that listens.
        """
        headers = {
            "Content-Length": str(part.size_bytes),
            "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(part.sha256)).decode()}:",
        }
        api = self._api(grant)
        try:
            api.request(
                "stage a part",
                "PUT",
                f"/upload/{quote(part.key)}",
                headers=headers,
                content=_chunks(path, watch, begun),
            )
        finally:
            api.close()

    def new_grant(self, part: Part) -> Secret:
        """A grant for exactly this part."""
        wish = {
            "key": part.key,
            "size": part.size_bytes,
            "sha256": part.sha256,
            "expires_in_s": GRANT_KEPT_S,
        }
        headers = {"Cloud-Expires": str(PART_KEPT_S)}
        answer = self._ask("grant a part", "POST", "/grants", "grant", headers=headers, json=wish)
        return Secret(answer["grant"])

    def get(self, part: Part, path: Path, watch: Watch) -> None:
        """Fetch a part; its digest is right when this returns.

        Raises:
            StorageNotFoundError: it is not there any more.
            CrateError: other bytes are there.
            StorageUnreachableError: the server broke off.
            WorkEndedError: the work is no longer ours.
        """
        described = self._find(part)
        if described is None:
            message = f"the part of run {part.number} is not on the staging server any more"
            raise StorageNotFoundError(message)
        path.parent.mkdir(parents=True, exist_ok=True)
        api = self._api(self.secret)
        url = f"{urlsplit(self.url).scheme}://{api.address}{link_path(described['url'])}"
        digest = hashlib.sha256()
        try:
            with (
                httpx.stream("GET", url, verify=api.trust or True, trust_env=False) as answer,
                path.open("wb") as file,
            ):
                if not answer.is_success:
                    answer.read()
                    raise storage_error("fetch a part", answer)
                for chunk in answer.iter_bytes(CHUNK_BYTES):
                    watch.raise_if_abandoned()
                    digest.update(chunk)
                    file.write(chunk)
        except httpx.TransportError as error:
            message = "could not fetch a part: the staging server broke off"
            raise StorageUnreachableError(message, detail=str(error)) from error
        if digest.hexdigest() != part.sha256:
            message = f"the part of run {part.number} has other bytes than were staged"
            raise CrateError(message)

    def forget(self, claim: Claim, watch: Watch) -> None:
        """Take the parts away of what was delivered; those that stay expire.

        Nobody waits for it: a server that is away, or the end of the worker, ends it.
        """
        with suppress(StorageError):
            for part in self.parts.delivered(claim):
                if watch.stop.is_set():
                    return
                self._remove(part)

    def tidy(self) -> None:
        """Let nothing expire that is needed still, and remove what was discarded.

        Raises:
            StorageUnreachableError: the server is away; what was not extended is tried again, what was not
                removed expires.
            StorageError: it refused one part at least; the others are done.
        """
        refusals = _refusals(self._extend, self.parts.needed_still())
        refusals += _refusals(self._remove, self.parts.discarded())
        if refusals:
            raise refusals[0]

    def _extend(self, part: Part) -> None:
        with suppress(StorageNotFoundError):  # whoever packs finds that, and has it run again
            if described := self._find(part):
                path = f"/objects/{described['id']}"
                self._ask("keep a part", "PATCH", path, json={"expires": PART_KEPT_S})

    def _remove(self, part: Part) -> None:
        with suppress(StorageNotFoundError, StorageRefusedError):
            if described := self._find(part):
                self._ask("remove a part", "DELETE", f"/objects/{described['id']}")

    def _find(self, part: Part) -> dict[str, str] | None:
        answer = self._ask("find a part", "GET", "/objects", "objects", params={"prefix": part.key})
        return next((one for one in answer["objects"] if one["sha256"] == part.sha256), None)

    def _ask(
        self,
        what: str,
        method: str,
        path: str,
        *members: str,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        json: dict[str, object] | None = None,
    ) -> dict[str, JSON]:
        """What is answered, with these members; empty where none are asked for."""
        api = self._api(self.secret)
        try:
            answer = api.request(what, method, path, headers=headers, params=params, json=json)
            return api.json(what, answer, *members) if members else {}
        finally:
            api.close()

    def _api(self, secret: Secret | None) -> LocalApi:
        parts = urlsplit(self.url)
        return LocalApi(
            parse_address(parts.netloc), secret=secret, tls=parts.scheme == "https", ca=None
        )


def _refusals(tend: Callable[[Part], None], parts: list[Part]) -> list[StorageError]:
    """Do that with each part; one that is refused keeps no other from it."""
    refusals = []
    for part in parts:
        try:
            tend(part)
        except StorageUnreachableError:
            raise
        except StorageError as error:
            log.warning("part.refused", extra={"part": part.key, **error.facts})
            refusals.append(error)
    return refusals


def stage_run(staging: Staging, claim: Claim, number: int, place: Place, watch: Watch) -> None:
    """Pack what the run left, and bring it to the staging server.

    Raises:
        StorageError: the server will not have it, or the owner does not wait for it.
        DiskFullError: there was no space for days, or the owner does not wait for it.
        CrateError: it could not be packed.
        OSError: the disk does not do what is asked of it.
        WorkEndedError: the lease is lost, or the worker ends; the run is done again.
    """
    patience = _Patience(watch)
    packed = _persist(lambda: pack_part(place, number), watch, patience)
    while refusal := _refused(staging, claim, number, packed, patience):
        patience.pause(RETRY_S, refusal)
    _persist(lambda: staging.parts.staged(claim), watch)
    try:
        packed.path.unlink()
        if not staging.secret:
            remove_tree(place.run_dir(number))  # nobody packs it here
    except OSError as error:  # it is in the way, and goes with the rest of the simulation
        simulation = str(claim.simulation_id)
        log.warning("run_dirs.not_removed", extra={"simulation": simulation, "why": str(error)})


def keep_here(place: Place, number: int, watch: Watch) -> None:
    """What can be handed over to nobody stays on this machine; its zip would only take space from it.

    Raises:
        WorkEndedError: the lease is lost, or the worker ends; the run is done again.
        OSError: it could not be marked.
    """
    with suppress(OSError):  # it goes with the rest of the simulation
        place.part_path(number).unlink()

    def mark() -> None:
        with DiskFullError.told_for(f"keep run {number}"):
            place.mark_only_copy(number)

    _persist(mark, watch)


class _Patience:
    """How long a run waits to be handed over, and what its owner sees of that; what counts are its pauses."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._left_s = dict(ENOUGH_S)
        self._shown = ""

    def pause(self, seconds: float, error: SimCrateError, *, is_told: bool = True) -> None:
        """Before the next try; raises the error when that was enough."""
        for why in self._limits(error):
            self._left_s[why] -= seconds
            if self._left_s[why] < 0:
                raise error
        if is_told:
            why = str(error).rstrip(".")
            self._show(f"It has ended, and waits to be handed over: {why}.")
        self.watch.pause(seconds)

    def ends(self) -> None:
        """Nothing is waited for any more: what is done takes as long as it takes."""
        self._show(ON_THEIR_WAY)

    def _show(self, sentence: str) -> None:
        if sentence != self._shown:
            self._shown = sentence
            self.watch.show_waiting(sentence)

    def _limits(self, error: SimCrateError) -> Iterator[str]:
        if self.watch.stop.is_set() and self.watch.ends_as is RunState.CANCELLED:
            yield "cancelled"
        if isinstance(error, StorageAuthError | StorageNotFoundError):
            yield "refused"
        if isinstance(error, DiskFullError | StorageFullError):
            yield "full"


def _refused(
    staging: Staging,
    claim: Claim,
    number: int,
    packed: PackedCrate,
    patience: _Patience,
) -> StorageError | None:
    """Bring it there by a grant; an error where that has expired meanwhile, or is not known any more."""
    watch = patience.watch
    part = _persist(
        lambda: staging.parts.ask_grant(
            claim, number=number, size_bytes=packed.size_bytes, sha256=packed.sha256
        ),
        watch,
    )
    grant = _awaited_grant(staging, claim, patience)
    put = partial(staging.put, part, packed.path, grant, watch, begun=patience.ends)
    try:
        _persist(put, watch, patience)
    except (StorageAuthError, StorageNotFoundError) as error:
        log.warning("grant.not_taken", extra={"part": part.key, **error.facts})
        return error
    return None


def _awaited_grant(staging: Staging, claim: Claim, patience: _Patience) -> Secret:
    waited_s = 0.0
    while (grant := _persist(lambda: staging.parts.grant(claim), patience.watch)) is None:
        is_told = waited_s > UNTOLD_S
        patience.pause(GRANT_POLL_S, StorageUnreachableError(NO_GRANT), is_told=is_told)
        waited_s += GRANT_POLL_S
    return grant


def fetch_parts(staging: Staging, claim: Claim, place: Place, watch: Watch) -> None:
    """Bring the runs of other machines here, verified.

    Raises:
        WorkEndedError: the lease is lost, the worker ends, or a part is lost and its run done again.
        DiskFullError: there is no space for all of them; none stays.
        OSError: the disk does not take them.
    """
    parts = _persist(lambda: staging.parts.of_simulation(claim), watch)
    try:
        with DiskFullError.told_for("fetch the runs of other machines"):
            for part in parts:
                if not is_unpacked(place, part.number, part.sha256):
                    _fetch_part(staging, claim, part, place, watch)
    except DiskFullError:  # while that is waited for, others need the space
        _let_go(_persist(lambda: staging.parts.of_simulation(claim), watch), place)
        raise


def _fetch_part(staging: Staging, claim: Claim, part: Part, place: Place, watch: Watch) -> None:
    part_path = place.part_path(part.number)
    try:
        _persist(partial(staging.get, part, part_path, watch), watch)
        unpack_part(place, part.number)
        note_unpacked(place, part.number, part.sha256)
    except (StorageNotFoundError, CrateError) as error:
        log.warning("part.lost", extra={"run": part.number, "part": part.key, **error.facts})
        _persist(partial(staging.parts.lost, claim, part), watch)
        raise WorkEndedError from error
    finally:
        part_path.unlink(missing_ok=True)


def _let_go(parts: list[Part], place: Place) -> None:
    """Of the runs that came from the staging server, which has them still."""
    for part in parts:
        if place.part_digest_path(part.number).exists():
            with suppress(OSError):  # the next attempt replaces it, or fails by it
                remove_tree(place.run_dir(part.number))


def _persist(work: Callable[[], T], watch: Watch, patience: _Patience | None = None) -> T:
    """Do it until it works, or patience ends: rows and server may be away for a while, and the disk full."""
    while True:
        try:
            return work()
        except (DiskFullError, PortError, StorageError) as error:
            if not error.retryable:
                raise
            log.warning("staging.delayed", extra=error.facts)
            pause_s = FULL_DISK_RETRY_S if isinstance(error, DiskFullError) else RETRY_S
            if patience and not isinstance(error, PortError):
                patience.pause(pause_s, error)
            else:
                watch.pause(pause_s)


def _chunks(path: Path, watch: Watch, begun: Callable[[], None]) -> Iterator[bytes]:
    begun()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            watch.raise_if_abandoned()
            yield chunk
