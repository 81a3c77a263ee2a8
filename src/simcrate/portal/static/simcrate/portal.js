// Copy buttons: <button data-copy="text">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// A log follows its end, unless its reader has scrolled up, and forgets what has long gone by.
const PIECES_SHOWN = 2000;
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
const showEnd = () => {
  const log = document.querySelector("#log .log");
  if (!log) return;
  while (log.childNodes.length > PIECES_SHOWN) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
};
let following = true;
showEnd();
document.addEventListener("htmx:beforeSwap", () => {
  const log = document.querySelector("#log .log");
  following = !log || atEnd(log);
});
document.addEventListener("htmx:afterSwap", () => {
  if (following) showEnd();
});
