"use strict";
// Pages work without this script. It turns times into the reader's own zone and customs.
(() => {
  const page = document.documentElement.lang;
  const locale = navigator.languages.find((it) => it.split("-")[0] === page) || page;
  const date = { dateStyle: "medium" };
  const styles = { date, instant: { ...date, timeStyle: "short" } };

  const localize = (root) => {
    for (const time of root.querySelectorAll("time[data-style]")) {
      const style = styles[time.dataset.style];
      if (style) time.textContent = new Intl.DateTimeFormat(locale, style).format(new Date(time.dateTime));
    }
    for (const note of root.querySelectorAll("[data-zone]")) note.hidden = true;
  };
  localize(document);
})();
