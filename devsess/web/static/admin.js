"use strict";
// The operators' pages work without this. It focuses the search box on "/", renews the live
// numbers every 15 seconds while they are seen, and goes on with an ending.
(() => {
  const find = document.querySelector("[data-focus]");
  document.addEventListener("keydown", (event) => {
    const inField = event.target.closest("input, select, textarea, [contenteditable]");
    if (!find || event.key !== find.dataset.focus || inField || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find.focus();
  });

  const live = document.querySelector("[data-live]");
  let tag = "";
  const renew = async () => {
    if (document.hidden) return;
    const answer = await fetch(live.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status !== 200) return;
    tag = answer.headers.get("ETag") || "";
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (next) live.replaceChildren(...next.childNodes);
  };
  if (live) setInterval(() => renew().catch(() => {}), 15000);

  const going = document.querySelector("form[data-continue]");
  if (going) setTimeout(() => going.requestSubmit(), 300);
})();
