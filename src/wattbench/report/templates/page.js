"use strict";
(() => {
  const root = document.documentElement;
  root.classList.remove("no-script");

  // A page opened from a mail may not be allowed to store anything.
  const kept = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* not remembered */ } },
  };

  const make = (tag, css, text) => {
    const element = document.createElement(tag);
    if (css) element.className = css;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  };

  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = themes.includes(kept.get("wattbench-theme")) ? kept.get("wattbench-theme") : "auto";
  const dress = () => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    button.textContent = "Theme: " + theme;
  };
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    kept.set("wattbench-theme", theme);
    dress();
  });
  dress();

  const pick = document.getElementById("pick-group");
  if (pick) {
    const groups = [...document.querySelectorAll("article.group")];
    const links = [...document.querySelectorAll("nav.sections a")].filter((a) => a.hash !== "#provenance");
    const sections = links.map((a) => a.hash.split("-")[0]);
    const only = (slug) => {
      groups.forEach((g) => { g.hidden = slug !== "" && g.dataset.group !== slug; });
      links.forEach((a, i) => { a.hash = sections[i] + "-" + (slug || groups[0].dataset.group); });
    };
    pick.addEventListener("change", () => only(pick.value));
    only(pick.value);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const sorter = make("button", "", head.textContent);
      sorter.type = "button";
      head.replaceChildren(sorter);
      sorter.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const numeric = head.classList.contains("num");
        const down = before ? before === "ascending" : numeric;
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.sort;
        const rows = [...body.rows].map((row, place) => ({ row, place, key: key(row) }));
        const numbers = rows.every((r) => r.key === undefined || (r.key !== "" && !isNaN(r.key)));
        rows.sort((a, b) => {
          // What is not known stands last both ways.
          if (a.key === undefined || b.key === undefined) {
            return (a.key === undefined) - (b.key === undefined) || a.place - b.place;
          }
          const order = numbers ? a.key - b.key : a.key.localeCompare(b.key);
          return (down ? -order : order) || a.place - b.place;
        });
        body.append(...rows.map((r) => r.row));
      });
    });
  }

  const WORDS = { r: "right", w: "wrong", f: "failed", "-": "not judged", b: "blank" };
  const SIGNS = { r: "✓", w: "✗", f: "!", "-": "·", b: "–" };
  const PAGE = 50;

  const number = (value) => {
    if (value === null) return null;
    return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  };

  for (const section of document.querySelectorAll("section.browse")) {
    const data = JSON.parse(section.querySelector("script.answers").textContent);
    const form = section.querySelector("form");
    const list = section.querySelector("ol.questions");
    const found = section.querySelector(".found");
    const more = section.querySelector(".more");
    const total = data.id.length;
    const models = data.runs.map((r, i) => i).filter((i) => !data.runs[i].vote);

    data.runs.forEach((run, i) => {
      const option = make("option", "", run.label);
      option.value = String(i);
      form.elements.run.append(option);
    });
    [...new Set(data.kinds.flat())].sort().forEach((kind) => {
      const option = make("option", "", kind === "na" ? "unanswerable" : kind);
      option.value = kind;
      form.elements.kind.append(option);
    });

    const haystack = data.id.map((id, q) =>
      [id, data.text[q], data.gold[q], ...data.refs[q],
        ...data.answers.flatMap((a) => [a.value[q], ...a.refs[q]])]
        .filter(Boolean).join("\n").toLowerCase());

    const is = {
      right: (run, q) => data.answers[run].verdict[q] === "r",
      wrong: (run, q) => data.answers[run].verdict[q] === "w",
      failed: (run, q) => data.answers[run].verdict[q] === "f",
      blank: (run, q) => data.answers[run].blank[q] === 1,
    };
    const disagree = (q) => {
      const verdicts = new Set(models.map((run) => data.answers[run].verdict[q]));
      const values = new Set(models.map((run) => (data.answers[run].value[q] || "").trim().toLowerCase()));
      return verdicts.size > 1 || values.size > 1;
    };

    const shows = (verdict, who, q) => {
      if (!verdict) return true;
      if (verdict === "disagree") return disagree(q);
      const test = is[verdict];
      if (who === "any") return data.runs.some((r, run) => test(run, q));
      if (who === "all") return data.runs.every((r, run) => test(run, q));
      return test(Number(who), q);
    };

    const shownVerdict = (run, q) => {
      const answer = data.answers[run];
      return answer.blank[q] === 1 && answer.verdict[q] === "w" ? "b" : answer.verdict[q];
    };

    const chip = (run, q) => {
      const code = shownVerdict(run, q);
      const said = data.runs[run].label + ": " + WORDS[code];
      const mark = make("span", "verdict " + (code === "-" ? "none" : code) + " " + data.runs[run].css, SIGNS[code]);
      mark.title = said;
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", said);
      return mark;
    };

    const term = (box, name, value) => {
      if (value === null || value === undefined || value === "") return;
      box.append(make("dt", "", name));
      const shown = make("dd");
      shown.append(make("bdi", "", value));
      box.append(shown);
    };

    const answerCard = (run, q) => {
      const a = data.answers[run];
      const who = data.runs[run];
      const card = make("div", "card " + who.css);
      const head = make("h4");
      head.append(make("bdi", "", who.label), chip(run, q));
      card.append(head);
      if (a.error[q] !== null) {
        card.append(make("p", "value", "failed: " + a.error[q]));
        if (a.detail[q]) card.append(make("p", "small", a.detail[q]));
      } else if (a.blank[q] === 1) {
        card.append(make("p", "value", "blank (abstained)"));
      } else if (a.value[q] === null) {
        card.append(make("p", "value", "no answer recorded"));
      } else {
        const value = make("p", "value");
        value.append(make("bdi", "", a.value[q]));
        card.append(value);
      }
      if (a.said[q]) card.append(make("p", "", a.said[q]));
      if (a.refs[q].length) card.append(make("p", "small", "cites " + a.refs[q].join(", ") +
        (a.overlap[q] === null ? "" : " · overlap " + number(a.overlap[q]))));
      const facts = [];
      if (a.clause[q]) facts.push(a.clause[q]);
      if (a.na[q] === 0) facts.push("should have been left blank");
      if (a.confidence[q] !== null) facts.push("confidence " + number(a.confidence[q]));
      if (a.s[q] !== null) facts.push(number(a.s[q]) + " s");
      if (a.j[q] !== null) {
        const rough = who.method === "estimated" || who.method === "mixed";
        facts.push((rough ? "~" : "") + number(a.j[q]) + " J allocated" + (rough ? ", estimated" : ""));
      } else if (!who.vote) {
        facts.push("energy not measured");
      }
      card.append(make("p", "small", facts.join(" · ")));
      const votes = data.votes[run] && data.votes[run][q];
      if (votes && votes.length) {
        const box = make("ul", "votes");
        for (const [member, value, counted, won, weight] of votes) {
          const name = typeof member === "number" ? data.runs[member].label : member;
          const item = make("li", won ? "" : "lost");
          item.append(make("span", "", won ? "✓" : "·"), make("bdi", "", name + ": " + (value === null ? "failed" : value) +
            (counted ? "" : " (not counted)") + (weight === null || weight === 1 ? "" : " × " + number(weight))));
          box.append(item);
        }
        card.append(box);
      }
      if (a.reply[q] !== null) {
        const raw = make("details");
        raw.append(make("summary", "", "Raw reply"), make("pre", "", a.reply[q]));
        card.append(raw);
      }
      return card;
    };

    const detail = (q) => {
      const box = make("div", "open-question");
      const gold = make("dl", "gold");
      term(gold, "Gold answer", data.gold[q] === "is_blank" ? "none: the documents do not say" : data.gold[q]);
      term(gold, "Unit", data.unit[q]);
      term(gold, "Documents", data.refs[q].join(", "));
      term(gold, "Types", data.kinds[q].map((k) => (k === "na" ? "unanswerable" : k)).join(", "));
      term(gold, "Why", data.why[q]);
      const cards = make("div", "cards");
      data.runs.forEach((run, i) => cards.append(answerCard(i, q)));
      box.append(gold, cards);
      return box;
    };

    const line = (q) => {
      const item = make("li");
      const opener = make("button", "line");
      opener.type = "button";
      opener.setAttribute("aria-expanded", "false");
      const words = make("span", "words");
      words.append(make("bdi", "", data.text[q]));
      const verdicts = make("span", "verdicts");
      data.runs.forEach((run, i) => verdicts.append(chip(i, q)));
      const id = make("span", "id", data.id[q]);
      id.title = data.id[q];
      opener.append(id, words, verdicts);
      opener.addEventListener("click", () => {
        const open = opener.getAttribute("aria-expanded") === "true";
        opener.setAttribute("aria-expanded", String(!open));
        if (open) item.lastElementChild.remove();
        else item.append(detail(q));
      });
      item.append(opener);
      return item;
    };

    let matches = [];
    let shown = 0;
    const extend = () => {
      const next = matches.slice(shown, shown + PAGE).map(line);
      list.append(...next);
      shown += next.length;
      more.hidden = shown >= matches.length;
      more.textContent = "Show more (" + (matches.length - shown) + " left)";
      return next[0];
    };
    const refresh = () => {
      const words = form.elements.words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const verdict = form.elements.verdict.value;
      const who = form.elements.run.value;
      const kind = form.elements.kind.value;
      matches = [];
      for (let q = 0; q < total; q += 1) {
        if (words.every((w) => haystack[q].includes(w)) && (!kind || data.kinds[q].includes(kind)) && shows(verdict, who, q)) matches.push(q);
      }
      form.elements.run.disabled = verdict === "" || verdict === "disagree";
      list.replaceChildren();
      shown = 0;
      extend();
      found.textContent = matches.length + " of " + total + " questions. Arrow keys move, Enter opens.";
    };
    more.addEventListener("click", () => {
      const first = extend();
      if (first) first.firstElementChild.focus();
    });
    form.addEventListener("input", refresh);
    form.addEventListener("submit", (event) => event.preventDefault());
    list.addEventListener("keydown", (event) => {
      const openers = [...list.querySelectorAll("button.line")];
      const here = openers.indexOf(document.activeElement);
      if (here < 0) return;
      const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: openers.length - 1 }[event.key];
      if (to === undefined || !openers[to]) return;
      event.preventDefault();
      openers[to].focus();
    });
    refresh();
  }
})();
