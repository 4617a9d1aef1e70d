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

  // A table that is wider than its box fades where more of it lies, and only then is a stop for Tab.
  const boxes = [...document.querySelectorAll(".scroll")];
  const fade = (box) => {
    const beyond = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more-right", box.scrollLeft < beyond - 1);
    if (beyond > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const watcher = new ResizeObserver((seen) => seen.forEach((entry) => fade(entry.target)));
  for (const box of boxes) {
    watcher.observe(box);
    box.addEventListener("scroll", () => fade(box), { passive: true });
  }

  // Where nothing hovers, a touch tells why a figure is not known.
  document.addEventListener("click", (event) => event.target.closest(".unknown")?.classList.toggle("told"));

  const WORDS = { r: "right", w: "wrong", f: "failed", "-": "not judged", b: "blank" };
  const SIGNS = { r: "✓", w: "✗", f: "!", "-": "·", b: "–" };
  const BLANK = "is_blank";
  const PAGE = 50;

  const number = (value) => {
    if (value === null) return null;
    return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  };

  // The answers stand packed in the page: base64 of gzip of JSON.
  const unpack = async (element) => {
    const letters = atob(element.textContent);
    const bytes = Uint8Array.from(letters, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  const browse = async (section) => {
    const slug = section.dataset.group;
    const parts = (name) => [...document.getElementsByClassName(name + "-of-" + slug)];
    const form = section.querySelector("form");
    const list = section.querySelector("ol.questions");
    const found = section.querySelector(".found");
    const more = section.querySelector(".more");

    const data = await unpack(parts("core")[0]);
    const total = data.id.length;
    const nothing = () => new Array(total).fill(null);
    const texts = { text: nothing(), gold: nothing(), unit: nothing(), refs: nothing() };
    const values = data.runs.map(nothing);
    let held = 0;
    for (const element of parts("short")) {
      const some = await unpack(element);
      some.at.forEach((q, i) => {
        for (const name of Object.keys(texts)) texts[name][q] = some[name][i];
        some.value.forEach((column, run) => { values[run][q] = column[i]; });
      });
      held += some.at.length;
    }
    const chunks = parts("detail");
    const chunkOf = new Array(total).fill(null);
    let next = 0;
    chunks.forEach((element, c) => {
      for (let i = 0; i < Number(element.dataset.count); i += 1) chunkOf[data.order[next + i]] = [c, i];
      next += Number(element.dataset.count);
    });
    const unpacked = new Map();
    const behind = async (q) => {
      if (chunkOf[q] === null) return null;
      const [c, i] = chunkOf[q];
      if (!unpacked.has(c)) unpacked.set(c, unpack(chunks[c]));
      return [await unpacked.get(c), i];
    };

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

    let haystacks = null;
    const haystack = (q) => {
      haystacks = haystacks || data.id.map((id, p) =>
        [id, texts.text[p], texts.gold[p], ...(texts.refs[p] || []), ...values.map((v) => v[p])]
          .filter(Boolean).join("\n").toLowerCase());
      return haystacks[q];
    };

    const letters = { right: "rR", wrong: "wb", failed: "f", blank: "bRB" };
    const shows = (verdict, who, q) => {
      if (!verdict) return true;
      if (verdict === "disagree") return data.disagree[q] !== "0";
      if (verdict === "split") return data.disagree[q] === "2";
      const test = (run) => letters[verdict].includes(data.verdicts[run][q]);
      if (who === "any") return data.runs.some((r, run) => test(run));
      if (who === "all") return data.runs.every((r, run) => test(run));
      return test(Number(who));
    };

    const chip = (run, q) => {
      const letter = data.verdicts[run][q];
      const code = { R: "r", B: "-" }[letter] || letter;
      const said = data.runs[run].label + ": " + WORDS[code] + (letter === "R" ? ", blank" : "");
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

    const headOf = (run, q) => {
      const head = make("h4");
      head.append(make("bdi", "", data.runs[run].label), chip(run, q));
      return head;
    };

    const valueOf = (run, q, error) => {
      const letter = data.verdicts[run][q];
      const shown = make("p", "value");
      if (letter === "f") shown.textContent = "failed" + (error ? ": " + error : "");
      else if (letters.blank.includes(letter)) shown.textContent = "blank (abstained)";
      else if (values[run][q] !== null) shown.append(make("bdi", "", values[run][q]));
      else shown.textContent = texts.text[q] === null ? "" : "no answer recorded";
      return shown;
    };

    const voteList = (votes) => {
      const box = make("ul", "votes");
      for (const [member, value, counted, won, weight] of votes) {
        const name = typeof member === "number" ? data.runs[member].label : member;
        const item = make("li", won ? "" : "lost");
        const vote = make("span");
        vote.append(make("bdi", "", name), ": ", make("bdi", "", value === null ? "failed" : value === BLANK ? "blank" : value),
          (counted ? "" : " (not counted)") + (weight === null || weight === 1 ? "" : " × " + number(weight)));
        item.append(make("span", "", won ? "✓" : "·"), vote);
        box.append(item);
      }
      return box;
    };

    const answerCard = (run, q, some, i) => {
      const who = data.runs[run];
      const card = make("div", "card " + who.css);
      const a = some && some.answers[run];
      card.append(headOf(run, q), valueOf(run, q, a && a.error[i]));
      if (!a) return card;
      if (a.detail[i]) card.append(make("p", "small", a.detail[i]));
      if (a.said[i]) card.append(make("p", "", a.said[i]));
      if (a.refs[i].length) {
        const cited = make("p", "small", "cites ");
        cited.append(make("bdi", "", a.refs[i].join(", ")), a.overlap[i] === null ? "" : " · overlap " + number(a.overlap[i]));
        card.append(cited);
      }
      const facts = [];
      if (a.clause[i]) facts.push(a.clause[i]);
      if (a.na[i] === 0) facts.push("should have been left blank");
      if (a.confidence[i] !== null) facts.push("confidence " + number(a.confidence[i]));
      if (a.wide[i] > 0) facts.push("asked again with more contexts" + (a.wide[i] > 1 ? ", " + a.wide[i] + " times" : ""));
      if (a.s[i] !== null) facts.push(number(a.s[i]) + " s");
      if (a.j[i] !== null) {
        const rough = who.method === "estimated" || who.method === "mixed";
        facts.push((rough ? "~" : "") + number(a.j[i]) + " J allocated" + (rough ? ", estimated" : ""));
      } else if (!who.vote) {
        facts.push("energy not measured");
      }
      card.append(make("p", "small", facts.join(" · ")));
      const votes = some.votes[run] && some.votes[run][i];
      if (votes && votes.length) card.append(voteList(votes));
      if (a.reply[i] !== null) {
        const raw = make("details");
        raw.append(make("summary", "", "Raw reply"), make("pre", "", a.reply[i]));
        card.append(raw);
      }
      return card;
    };

    const contextBox = (title, snippets, q) => {
      const box = make("details", "contexts");
      const gold = new Set((texts.refs[q] || []).map((r) => r.toLowerCase()));
      const from = new Set(snippets.map((s) => s[0].toLowerCase()));
      const missed = [...gold].filter((r) => !from.has(r));
      const verdict = gold.size === 0 ? "" : missed.length === 0 ? ", the gold documents among them"
        : ", without the gold " + (missed.length === 1 ? "document " : "documents ") + missed.join(", ");
      box.append(make("summary", "", title + ": " + snippets.length + verdict));
      const items = make("ol", "snippets");
      for (const [id, title, source, score, text] of snippets) {
        const item = make("li", gold.has(id.toLowerCase()) ? "gold-source" : "");
        const where = make("p", "small");
        where.append(make("bdi", "", id + (title && title !== id ? " · " + title : "")));
        where.append(" · " + source + (score === null ? "" : " " + number(score)) + (gold.has(id.toLowerCase()) ? " · gold document" : ""));
        item.append(where, make("p", "", text));
        items.append(item);
      }
      box.append(items);
      return box;
    };

    const detail = async (q) => {
      const [some, i] = (await behind(q)) || [null, 0];
      const box = make("div", "open-question");
      const gold = make("dl", "gold");
      term(gold, "Gold answer", texts.gold[q] === BLANK ? "none: the documents do not say" : texts.gold[q]);
      term(gold, "Unit", texts.unit[q]);
      term(gold, "Documents", (texts.refs[q] || []).join(", "));
      term(gold, "Types", data.kinds[data.kind[q]].map((k) => (k === "na" ? "unanswerable" : k)).join(", "));
      if (some) term(gold, "Why", some.why[i]);
      box.append(gold);
      if (!some) {
        box.append(make("p", "small", (texts.text[q] === null ? "The text, the answers" : "Explanations") +
          ", raw replies, votes and contexts of this question were left to tables/predictions.parquet, to keep this page small."));
      } else {
        for (const [name, column] of Object.entries(some.contexts)) {
          (column[i] || []).forEach((snippets, wide) => {
            const who = data.runs.filter((run, r) => run.retrieval === name && some.answers[r].wide[i] >= wide);
            const title = wide === 0 ? "Contexts retrieved (" + name + ")"
              : "More contexts, for " + who.map((run) => run.label).join(", ") + " after leaving it blank";
            box.append(contextBox(title, snippets, q));
          });
        }
      }
      const cards = make("div", "cards");
      data.runs.forEach((run, place) => cards.append(answerCard(place, q, some, i)));
      box.append(cards);
      return box;
    };

    const line = (q) => {
      const item = make("li");
      const opener = make("button", "line");
      opener.type = "button";
      opener.setAttribute("aria-expanded", "false");
      const words = make("span", "words");
      if (texts.text[q] === null) words.append(make("em", "", "text left to tables/questions.parquet"));
      else words.append(make("bdi", "", texts.text[q]));
      const verdicts = make("span", "verdicts");
      data.runs.forEach((run, i) => verdicts.append(chip(i, q)));
      const id = make("span", "id", data.id[q]);
      id.title = data.id[q];
      opener.append(id, words, verdicts);
      opener.addEventListener("click", async () => {
        const open = opener.getAttribute("aria-expanded") === "true";
        opener.setAttribute("aria-expanded", String(!open));
        item.querySelector(".open-question")?.remove();
        if (open) return;
        const box = await detail(q);
        if (opener.getAttribute("aria-expanded") === "true" && item.childElementCount === 1) item.append(box);
      });
      item.append(opener);
      return item;
    };

    const inOrder = data.id.map((id, q) => q);
    let matches = [];
    let shown = 0;
    const extend = () => {
      const lines = matches.slice(shown, shown + PAGE).map(line);
      list.append(...lines);
      shown += lines.length;
      more.hidden = shown >= matches.length;
      more.textContent = "Show more (" + (matches.length - shown).toLocaleString("en") + " left)";
      return lines[0];
    };
    const refresh = () => {
      const words = form.elements.words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const verdict = form.elements.verdict.value;
      const who = form.elements.run.value;
      const kind = form.elements.kind.value;
      const order = form.elements.order.value === "split" ? data.order : inOrder;
      matches = order.filter((q) => (!kind || data.kinds[data.kind[q]].includes(kind)) &&
        shows(verdict, who, q) && words.every((w) => haystack(q).includes(w)));
      form.elements.run.disabled = ["", "disagree", "split"].includes(verdict);
      list.replaceChildren();
      shown = 0;
      extend();
      found.textContent = matches.length.toLocaleString("en") + " of " + total.toLocaleString("en") + " questions" +
        (words.length && held < total ? "; words were looked for in the " + held.toLocaleString("en") + " whose text is here" : "") +
        ". Arrow keys move, Enter opens.";
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
    form.hidden = false;
    refresh();
  };

  for (const section of document.querySelectorAll("section.browse")) {
    const say = (text) => { section.querySelector(".found").textContent = text; };
    if (typeof DecompressionStream === "undefined") {
      say("This browser cannot unpack the answers (it is from before 2023). They stand in tables/answers.csv beside this page.");
    } else {
      browse(section).catch((error) => say("The answers on this page cannot be unpacked: " + error.message +
        ". They stand in tables/answers.csv beside this page."));
    }
  }
})();
