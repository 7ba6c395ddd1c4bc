// What the page does in the browser: presses go to the server, quotes come into view, keys work.
// It runs before the page is built, and what is built does not last, so it listens to the document alone.
(function () {
  "use strict";

  const bridges = new Map(); // a part of the page → Gradio's trigger of its events
  const ONE_COLUMN = matchMedia("(max-width: 900px)"); // these three as in page.css
  const DRAWER = matchMedia("(max-width: 1100px)");
  const VERY_WIDE = matchMedia("(min-width: 2000px)");
  const HARMFUL_TWICE = /^(ask|retry|undo|delete|remove|widen)$/; // of a double click, the second is dropped
  const ASKS = /^(ask|retry|widen)$/;
  const BOX = "#cw-ask textarea, #cw-ask input";
  const DRAWN_MS = 30; // after a change, until the parts of Gradio have their sizes
  const TOLD_MS = 2000;

  const one = (selector) => document.querySelector(selector);
  const send = (element, more) => bridges.get(element.dataset.to)?.("click", { ...element.dataset, ...more });

  let opened, talked, pressed; // the evidence and the talk that were seen last; what was pressed to see evidence

  function reveal() {
    const mark = one("#cw-side mark.cw-here") ?? one("#cw-side .cw-read");
    const region = mark?.closest(".cw-passage");
    if (!region) return;
    const [at, box] = [mark.getBoundingClientRect(), region.getBoundingClientRect()];
    region.scrollTop += at.top - box.top - Math.max(24, (box.height - at.height) / 2); // a long one from its top
  }

  // A draft comes in a part of its own, so that the conversation need not be sent again with each word.
  function grow() {
    const [draft, room] = [one("#cw-draft .cw-grown"), one("#cw-chat .cw-growing")];
    if (draft && room && !draft.isEqualNode(room.firstChild)) room.replaceChildren(draft.cloneNode(true));
  }

  // What is said here at once, until the server says more: it must hold whatever the server does.
  const SOON = "Asking…";
  function said() {
    const all = [...document.querySelectorAll("#cw-chat :is(.cw-question, .cw-answer, .cw-error)")];
    return `${all.length} ${all.findLast((each) => each.dataset.turn)?.dataset.turn}`;
  }
  let soon, before; // what is said here; what was said when it was

  function say() {
    const room = one("#cw-chat .bubble-wrap") ?? one("#cw-chat"); // which the page builds after the box
    if (!room || soon || one("#cw-chat .cw-working")) return;
    before = said();
    soon = Object.assign(document.createElement("p"), { className: "cw-working cw-soon", textContent: SOON });
    soon.setAttribute("role", "status");
    room.append(soon);
    soon.scrollIntoView({ block: "nearest" });
  }

  function unsay() {
    const told = one("#cw-chat .cw-working:not(.cw-soon), .toast-body"); // the page may be too busy to take it
    if (soon && (told || said() !== before)) hush();
  }

  function hush() {
    soon?.remove();
    soon = undefined;
  }

  function look() {
    unsay();
    grow();
    const evidence = one("#cw-side .cw-evidence");
    if (evidence && evidence.dataset.open !== opened) {
      opened = evidence.dataset.open;
      one("#cw-side").scrollTop = 0;
      setTimeout(reveal, DRAWN_MS);
    }
    for (const fold of document.querySelectorAll("#cw-side .cw-folded:not([data-seen])")) {
      fold.dataset.seen = ""; // it may be drawn later than the evidence that it is in
      fold.open ||= VERY_WIDE.matches;
    }
    const questions = document.querySelectorAll("#cw-chat .cw-question");
    const now = `${questions.length} ${one("#cw-chat .cw-working:not(.cw-soon)") !== null}`;
    const last = questions[questions.length - 1];
    if (last && now !== talked) setTimeout(() => (last.closest(".message-row") ?? last).scrollIntoView(), DRAWN_MS);
    talked = now;
    one(".cw-toggle")?.setAttribute("aria-expanded", String(shelfIsOpen()));
    name();
  }

  // What Gradio leaves without a name, or names wrongly, for those who do not see it.
  function name() {
    one("#cw-chat .examples")?.removeAttribute("role"); // its list has no items, and this label other words
    one("#cw-drop .upload-container")?.removeAttribute("aria-label");
    for (const box of document.querySelectorAll("#cw-filter .timebox")) {
      const told = box.parentElement.querySelector("[data-testid='block-info']")?.textContent.trim();
      box.querySelector("input")?.setAttribute("aria-label", told);
      box.querySelector("button")?.setAttribute("aria-label", `Choose a day: ${told}`);
    }
    const months = document.querySelectorAll("#cw-filter .nav-button");
    months.forEach((button, n) => button.setAttribute("aria-label", n ? "Next month" : "Previous month"));
    for (const cross of document.querySelectorAll("#cw-filter .token > .token-remove")) {
      cross.title = `Remove ${cross.parentElement.textContent.trim()}`;
    }
    one("#cw-way")?.setAttribute("aria-label", "How to answer");
    for (const way of document.querySelectorAll("#cw-way input")) way.name = "cw-way"; // so that arrows go through them
    const fold = one("#cw-filter .label-wrap");
    fold?.setAttribute("aria-expanded", String(fold.classList.contains("open")));
  }

  // Of attributes only those that the server changes: whether a fold is open is the reader's affair.
  const changes = { childList: true, characterData: true, subtree: true, attributeFilter: ["data-open"] };
  new MutationObserver(look).observe(document.documentElement, changes);

  function goToEvidence(button, byKey) {
    if (button.matches("#cw-side .cw-position *")) return; // previous and next: the eye is there already
    if (!button.closest("#cw-side")) pressed = button;
    if (ONE_COLUMN.matches) one("#cw-side").scrollIntoView();
    setTimeout(() => {
      reveal(); // it may have been open before, and then nothing changes
      if (byKey) one("#cw-side .cw-passage")?.focus({ preventScroll: true });
    }, 10 * DRAWN_MS);
  }

  function goBack(button) {
    const { turn } = button.closest(".cw-evidence").dataset;
    const answers = [...document.querySelectorAll("#cw-chat .cw-answer")];
    const answer = answers.findLast((each) => each.dataset.turn === turn) ?? answers.pop();
    answer?.scrollIntoView();
    (pressed?.isConnected ? pressed : answer?.querySelector("button"))?.focus({ preventScroll: true });
  }

  let chosen; // the conversations are a column, or a drawer: "open" or "closed", once the reader has said which
  const shelfIsOpen = () => (chosen ? chosen === "open" : !DRAWER.matches);

  function setShelf(open) {
    chosen = one("#cw-columns").dataset.shelf = open ? "open" : "closed";
    look(); // it tells the toggle
  }

  function closeDrawer() {
    if (!DRAWER.matches || !shelfIsOpen()) return;
    setShelf(false);
    one(".cw-toggle")?.focus();
  }

  function tell(button, words) {
    const live = one(".cw-live") ?? document.body.appendChild(document.createElement("div"));
    live.className = "cw-live cw-unseen";
    live.setAttribute("role", "status");
    live.textContent = button.dataset.told = words;
    setTimeout(() => { live.textContent = ""; delete button.dataset.told; }, TOLD_MS);
  }

  function copyOld(text) {
    const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  async function copy(button) {
    const { answer, text } = button.dataset;
    const copied = answer ? `${location.origin}${location.pathname}?answer=${encodeURIComponent(answer)}` : text;
    let done = true; // without https there is no clipboard but the old one
    try { await navigator.clipboard.writeText(copied); } catch { done = copyOld(copied); button.focus(); }
    tell(button, done ? "Copied" : "Not copied");
  }

  function fill(button) {
    const box = one(BOX);
    box.value = button.dataset.text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  const here = { copy, fill, back: goBack, toggle: () => setShelf(!shelfIsOpen()) };
  document.addEventListener("click", (event) => {
    setTimeout(name, DRAWN_MS); // Gradio's fold opens without a change of what is in it
    if (event.target.closest("#cw-ask .submit-button") && one(BOX).value) say();
    if (event.target.closest("#cw-chat .example")) say();
    if (event.target.closest("#cw-new, .cw-open")) hush(); // whoever leaves waits for nothing
    const button = event.target.closest("button[data-to], button[data-here]");
    if (!button) return event.target.closest("#cw-shelf") ? undefined : closeDrawer();
    const { to, do: verb } = button.dataset;
    here[button.dataset.here]?.(button);
    if (!to || (event.detail > 1 && HARMFUL_TWICE.test(verb))) return;
    send(button);
    if (to === "talk" && ASKS.test(verb)) say();
    if (to === "evidence") goToEvidence(button, event.detail === 0); // a key's click has no count
    if (verb === "open") closeDrawer();
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-to]")) return;
    event.preventDefault();
    send(event.target, Object.fromEntries(new FormData(event.target)));
  });

  const KEYS = { "/": BOX, "[": "#cw-side .cw-prev", "]": "#cw-side .cw-next" };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return closeDrawer();
    if (event.key === "Enter" && !event.shiftKey && event.target.matches(BOX) && event.target.value) say();
    const goal = Object.hasOwn(KEYS, event.key) && one(KEYS[event.key]);
    const chord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
    const writes = document.activeElement?.closest("input, textarea, select, [contenteditable]");
    if (!goal || chord || writes || !goal.getClientRects().length) return;
    event.preventDefault();
    goal[event.key === "/" ? "focus" : "click"]();
  });

  function save(name, type, text) {
    const href = URL.createObjectURL(new Blob([text], { type }));
    Object.assign(document.createElement("a"), { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), TOLD_MS);
  }

  const place = (query) => history.replaceState(history.state, "", location.pathname + (query || ""));
  window.citewise = { bridge: (name, trigger) => bridges.set(name, trigger), place, save };
})();
