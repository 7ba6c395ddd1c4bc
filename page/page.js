// What the page does in the browser: presses go to the server, quotes come into view, keys work.
// It runs before the page is built and nothing of the page lasts, so it listens to the document alone.
// It puts no text into the page as HTML.

(function () {
  "use strict";

  const bridges = new Map(); // part of the page → Gradio's trigger of its events
  const ONE_COLUMN = matchMedia("(max-width: 900px)"); // as in page.css
  const VERY_WIDE = matchMedia("(min-width: 2000px)"); // as in page.css
  const HARMFUL_TWICE = /^(ask|retry|undo|delete|remove|widen)$/; // the second half of a double click is dropped
  const DRAWN_MS = 30; // after a change, until the parts of Gradio have their sizes
  const TOLD_MS = 2000;

  const root = document.documentElement;
  const one = (selector) => document.querySelector(selector);
  const isSeen = (element) => element && element.getClientRects().length > 0;
  const send = (element, more) => {
    const trigger = bridges.get(element.dataset.to);
    if (trigger) trigger("click", { ...element.dataset, ...more });
  };

  // -- evidence and talk come into view --

  let opened, talked, from; // what was last seen there, and the button that was pressed to see it

  function reveal() {
    const mark = one("#cw-side mark.cw-here") || one("#cw-side .cw-passage .cw-read");
    const region = mark && mark.closest(".cw-passage");
    if (!region) return;
    const [at, box] = [mark.getBoundingClientRect(), region.getBoundingClientRect()];
    const space = Math.max(24, (box.height - at.height) / 2); // a long quote begins at the top
    region.scrollTop += at.top - box.top - space;
  }

  function look() {
    const evidence = one("#cw-side .cw-evidence");
    if (evidence && evidence.dataset.open !== opened) {
      opened = evidence.dataset.open;
      setTimeout(() => {
        if (VERY_WIDE.matches) evidence.querySelectorAll(".cw-folded").forEach((fold) => (fold.open = true));
        one("#cw-side").scrollTop = 0;
        reveal();
      }, DRAWN_MS);
    }
    const questions = document.querySelectorAll("#cw-chat .cw-question");
    const last = questions[questions.length - 1];
    const now = last && [questions.length, last.dataset.turn, !one("#cw-chat .cw-working")].join();
    if (now !== talked) {
      talked = now;
      if (last) setTimeout(() => (last.closest(".message-row") || last).scrollIntoView(), DRAWN_MS);
    }
    const toggle = one(".cw-toggle");
    if (toggle) toggle.setAttribute("aria-expanded", String(shelfIsOpen()));
  }

  // Only attributes that the server changes are watched: "open" of a fold is the reader's.
  new MutationObserver(look).observe(root, {
    childList: true, characterData: true, subtree: true, attributeFilter: ["data-open", "data-turn"],
  });

  function goToEvidence(button, byKey) {
    if (button.closest("#cw-side") && button.dataset.do === "cite") return; // previous and next stay where they are
    if (!button.closest("#cw-side")) from = button;
    const side = one("#cw-side");
    if (side && ONE_COLUMN.matches) side.scrollIntoView();
    setTimeout(() => {
      reveal();
      const region = byKey && one("#cw-side .cw-passage");
      if (region) region.focus({ preventScroll: true });
    }, 10 * DRAWN_MS); // the evidence may already be open, and then nothing else tells
  }

  function goBack() {
    const turn = one("#cw-side .cw-evidence").dataset.turn;
    const answers = [...document.querySelectorAll("#cw-chat .cw-answer")];
    const answer = answers.findLast((each) => each.dataset.turn === turn) || answers.pop();
    const goal = from && from.isConnected ? from : answer && answer.querySelector("button");
    if (answer) answer.scrollIntoView({ block: "start" });
    if (goal) goal.focus({ preventScroll: true });
  }

  // -- the drawer of conversations --

  function shelfIsOpen() {
    return root.dataset.shelf ? root.dataset.shelf === "open" : !ONE_COLUMN.matches;
  }

  function closeDrawer() {
    if (!ONE_COLUMN.matches || !shelfIsOpen()) return;
    setShelf(false);
    one(".cw-toggle").focus();
  }

  function setShelf(open) {
    root.dataset.shelf = open ? "open" : "closed";
    look();
  }

  // -- what needs no server --

  function tell(button, words) {
    let live = one(".cw-live");
    if (!live) {
      live = document.body.appendChild(document.createElement("div"));
      live.className = "cw-live cw-unseen";
      live.setAttribute("role", "status");
    }
    live.textContent = words;
    button.dataset.told = words;
    setTimeout(() => {
      live.textContent = "";
      delete button.dataset.told;
    }, TOLD_MS);
  }

  function copyOld(text) {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.className = "cw-unseen";
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  async function copy(button) {
    const { answer, text } = button.dataset;
    const link = location.origin + location.pathname + "?answer=" + encodeURIComponent(answer || "");
    const copied = answer ? link : text;
    let done = true;
    try {
      await navigator.clipboard.writeText(copied); // there is none without https, except on this machine
    } catch {
      done = copyOld(copied);
      button.focus();
    }
    tell(button, done ? "Copied" : "Not copied");
  }

  function fill(button) {
    const box = one("#cw-ask textarea, #cw-ask input");
    box.value = button.dataset.text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  const here = { copy, fill, back: goBack, toggle: () => setShelf(!shelfIsOpen()) };

  // -- events --

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button[data-to], button[data-here]");
    if (!button) {
      if (!event.target.closest("#cw-shelf")) closeDrawer();
      return;
    }
    if (button.form && button.type === "submit") return; // its form is sent
    const { here: alone, do: verb } = button.dataset;
    if (alone && here[alone]) here[alone](button);
    if (!button.dataset.to || (event.detail > 1 && HARMFUL_TWICE.test(verb))) return;
    send(button);
    if (button.dataset.to === "evidence") goToEvidence(button, event.detail === 0);
    if (verb === "open" || verb === "new") closeDrawer();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-to]");
    if (!form) return;
    event.preventDefault();
    send(form, Object.fromEntries(new FormData(form)));
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return closeDrawer();
    const writes = document.activeElement && document.activeElement.closest("input, textarea, select, [contenteditable]");
    const chord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
    if (writes || chord) return;
    const goal = { "/": "#cw-ask textarea, #cw-ask input", "[": "#cw-side .cw-prev", "]": "#cw-side .cw-next" }[event.key];
    const found = goal && one(goal);
    if (!isSeen(found)) return;
    event.preventDefault();
    if (event.key === "/") found.focus();
    else found.click();
  });

  // -- what app.py calls --

  window.citewise = {
    bridge: (name, trigger) => bridges.set(name, trigger),
    place: (query) => history.replaceState(history.state, "", location.pathname + (query || "")),
    save: (name, type, text) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), TOLD_MS);
    },
  };
})();
