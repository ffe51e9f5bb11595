// Searchable, filterable, sortable, paged tables over columnar JSON. No value is ever parsed as HTML.
(function () {
  "use strict";
  const R = (window.rogi = window.rogi || { tables: {}, maps: {} });
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat("en");
  const PRINT_ROWS = 2000;

  R.unpacked = {};
  R.read = (id) => {
    const data = R.unpacked[id] || JSON.parse(document.getElementById(id).textContent);
    delete R.unpacked[id];
    return data;
  };

  R.el = function (tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  };
  const el = R.el;

  // Where else a place can be looked at; followed only when clicked.
  R.links = function (latitude, longitude) {
    const [lat, lon] = [latitude.toFixed(5), (((longitude + 540) % 360) - 180).toFixed(5)];
    return [
      ["OpenStreetMap", `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=15/${lat}/${lon}`],
      ["Google Earth", `https://earth.google.com/web/@${lat},${lon},0a,4000d,35y,0h,0t,0r`],
      ["Copernicus Browser", `https://browser.dataspace.copernicus.eu/?zoom=14&lat=${lat}&lng=${lon}`],
    ].flatMap(([name, href]) => [" ", el("a", { href, target: "_blank", rel: "noopener noreferrer" }, name)]);
  };

  function decode(column, columns) {
    // dictionary columns have codes, plain ones are their own dictionary; 0 is as in an earlier column
    if (column.like !== undefined) column.d = column.d.map((word, row) => word === 0 ? columns[column.like].d[row] : word);
    const words = column.d;
    const codes = column.i || null;
    column.code = codes ? (row) => codes[row] : (row) => (words[row] === null ? -1 : row);
    column.value = (row) => {
      const code = column.code(row);
      return code < 0 ? null : words[code];
    };
    column.text = (row) => {
      const value = column.value(row);
      return value === null ? "" : column.kind === "number" ? number.format(value) : String(value);
    };
  }

  function ranks(column) {
    if (!column.rank) {
      const order = column.d.map((_, k) => k);
      const words = column.d;
      order.sort(column.kind === "number" ? (a, b) => words[a] - words[b]
        : column.order ? (a, b) => column.order.indexOf(words[a]) - column.order.indexOf(words[b])
          : (a, b) => collator.compare(words[a], words[b]));
      column.rank = new Uint32Array(words.length);
      order.forEach((k, position) => { column.rank[k] = position; });
    }
    return column.rank;
  }

  class Table {
    constructor(host) {
      this.host = host;
      this.data = R.read(host.dataset.table);
      this.columns = this.data.columns;
      this.columns.forEach((column) => decode(column, this.columns));
      this.n = this.data.n;
      this.page = 0;
      this.size = this.data.page;
      this.sort = this.data.sort === null ? null : { index: this.data.sort, down: false };
      this.filters = new Map();
      this.query = "";
      this.selected = -1;
      this.open = new Set();
      this.listeners = [];
      R.tables[host.dataset.table] = this;
      this.build();
      this.mark();
      this.apply();
      let kept = null;
      window.addEventListener("beforeprint", () => { kept = [this.size, this.page]; this.size = PRINT_ROWS; this.page = 0; this.draw(); });
      window.addEventListener("afterprint", () => { if (kept) { [this.size, this.page] = kept; this.draw(); } });
    }

    build() {
      const tools = el("div", { class: "tools noprint", role: "search", "aria-label": `Search ${this.data.noun}` });
      let timer = 0;
      this.search = el("input", { type: "search", placeholder: "words, all of which must occur", oninput: (e) => {
        clearTimeout(timer);
        timer = setTimeout(() => { this.query = e.target.value; this.apply(); }, 150);
      } });
      tools.append(el("label", { class: "grow" }, el("span", {}, "Search"), this.search));
      this.selects = new Map();
      this.columns.forEach((column, index) => {
        if (!column.filter) return;
        const counts = new Array(column.d.length).fill(0);
        for (let row = 0; row < this.n; row++) { const c = column.code(row); if (c >= 0) counts[c]++; }
        const rank = ranks(column);
        const order = column.d.map((_, k) => k).sort((a, b) => rank[a] - rank[b]);
        const select = el("select", { onchange: (e) => { this.filter(index, e.target.value === "" ? null : Number(e.target.value)); } },
          el("option", { value: "" }, "all"), ...order.map((k) => el("option", { value: k }, `${column.d[k]} (${number.format(counts[k])})`)));
        this.selects.set(index, select);
        tools.append(el("label", {}, el("span", {}, column.title), select));
      });
      tools.append(el("button", { type: "button", onclick: () => this.reset() }, "Reset"));
      this.heads = el("tr");
      this.shown = this.columns.map((c, k) => k).filter((k) => !this.columns[k].detail);
      this.details = this.columns.map((c, k) => k).filter((k) => this.columns[k].detail);
      this.shown.forEach((k) => {
        this.heads.append(el("th", { scope: "col", class: this.columns[k].kind === "number" ? "number" : null, "aria-sort": "none" },
          el("button", { type: "button", onclick: () => this.order(k) }, this.columns[k].title)));
      });
      if (this.actions()) this.heads.append(el("th", { scope: "col" }, el("span", { class: "sr" }, "Actions")));
      this.body = el("tbody");
      this.caption = el("caption");
      this.status = el("p", { class: "sr", role: "status" });
      this.previous = el("button", { type: "button", onclick: () => this.turn(-1) }, "← Previous");
      this.next = el("button", { type: "button", onclick: () => this.turn(1) }, "Next →");
      this.position = el("span");
      const sizes = el("select", { onchange: (e) => { this.size = Number(e.target.value); this.page = 0; this.draw(); } },
        ...[25, 50, 100, 250].map((s) => el("option", { value: s, selected: s === this.size }, `${s} a page`)));
      sizes.setAttribute("aria-label", "Rows a page");
      this.pager = el("div", { class: "pager noprint" }, this.previous, this.position, this.next, sizes);
      this.host.replaceChildren(tools, this.status, el("div", { class: "scroll stack", tabindex: 0, role: "group", "aria-label": `Table of ${this.data.noun}` }, el("table", { role: "table" }, this.caption, el("thead", {}, this.heads), this.body)), this.pager);
    }

    actions() { return this.details.length > 0 || this.host.dataset.map; }

    filter(index, code) {
      if (code === null) this.filters.delete(index); else this.filters.set(index, code);
      this.apply();
    }

    // Filter a column by its value, from outside (links in other tables).
    choose(title, value) {
      const index = this.columns.findIndex((c) => c.title === title);
      const code = index < 0 ? -1 : this.columns[index].d.indexOf(value);
      if (code < 0) return;
      this.reset(true);
      if (this.selects.has(index)) this.selects.get(index).value = String(code);
      this.filter(index, code);
      this.host.scrollIntoView({ block: "start" });
    }

    reset(quiet) {
      this.filters.clear();
      this.query = this.search.value = "";
      this.selects.forEach((select) => { select.value = ""; });
      if (!quiet) this.apply();
    }

    apply() {
      const keep = new Uint8Array(this.n).fill(1);
      this.filters.forEach((wanted, index) => {
        const column = this.columns[index];
        for (let row = 0; row < this.n; row++) if (column.code(row) !== wanted) keep[row] = 0;
      });
      for (const term of this.query.toLocaleLowerCase().split(/\s+/).filter(Boolean)) {
        const hit = new Uint8Array(this.n);
        for (const column of this.columns) {
          const words = column.d.map((w) => w !== null && String(w).toLocaleLowerCase().includes(term));
          for (let row = 0; row < this.n; row++) { const c = column.code(row); if (c >= 0 && words[c]) hit[row] = 1; }
        }
        for (let row = 0; row < this.n; row++) keep[row] &= hit[row];
      }
      this.keep = keep;
      const rows = [];
      for (let row = 0; row < this.n; row++) if (keep[row]) rows.push(row);
      if (this.sort) {
        const column = this.columns[this.sort.index];
        const rank = ranks(column);
        const sign = this.sort.down ? -1 : 1;
        const key = (row) => { const c = column.code(row); return c < 0 ? Infinity : sign * rank[c]; };
        const keys = new Float64Array(this.n);
        rows.forEach((row) => { keys[row] = key(row); });
        rows.sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] - keys[b]));
      }
      this.rows = rows;
      this.page = 0;
      this.draw();
      this.listeners.forEach((listener) => listener(keep));
    }

    order(index) {
      this.sort = this.sort && this.sort.index === index ? (this.sort.down ? null : { index, down: true }) : { index, down: false };
      this.mark();
      this.apply();
    }

    mark() {
      this.shown.forEach((k, position) => {
        this.heads.children[position].setAttribute("aria-sort", this.sort && this.sort.index === k ? (this.sort.down ? "descending" : "ascending") : "none");
      });
    }

    turn(step) { this.page += step; this.draw(); this.host.scrollIntoView({ block: "start" }); }

    // Bring a row into view, whatever the filters are, and mark it.
    show(row) {
      if (!this.keep[row]) { this.reset(true); this.apply(); }
      this.page = Math.floor(this.rows.indexOf(row) / this.size);
      this.selected = row;
      this.draw();
      const node = this.body.querySelector("tr.selected");
      if (node) { node.scrollIntoView({ block: "center" }); node.focus({ preventScroll: true }); }
    }

    cell(column, row) {
      const text = column.text(row);
      const label = { "data-label": column.title, role: "cell" };
      if (column.kind === "badge") {
        const tone = Object.hasOwn(column.tones, text) ? column.tones[text] : "neutral";
        return el("td", label, text === "" ? null : el("span", { class: `badge ${tone}` }, text));
      }
      const kinds = { number: "number", code: "code", wide: "wide" };
      return el("td", { ...label, class: kinds[column.kind] || null }, ...(text === "" ? [] : [el("span", { class: column.kind === "code" ? "code" : null }, text)]));
    }

    draw() {
      const pages = Math.max(1, Math.ceil(this.rows.length / this.size));
      this.page = Math.min(Math.max(this.page, 0), pages - 1);
      const start = this.page * this.size;
      const part = this.rows.slice(start, start + this.size);
      const map = R.maps[this.host.dataset.map];
      this.body.replaceChildren(...part.flatMap((row) => {
        const line = el("tr", { role: "row", tabindex: row === this.selected ? -1 : null, class: row === this.selected ? "selected" : null }, ...this.shown.map((k) => this.cell(this.columns[k], row)));
        const buttons = [];
        if (map && map.has(row)) buttons.push(el("button", { type: "button", class: "link noprint", onclick: () => { this.selected = row; this.draw(); map.show(row); } }, "Map"));
        if (this.details.length) buttons.push(el("button", { type: "button", class: "link noprint", "aria-expanded": String(this.open.has(row)), onclick: () => { if (!this.open.delete(row)) this.open.add(row); this.draw(); } }, this.open.has(row) ? "Less" : "More"));
        if (this.actions()) line.append(el("td", { role: "cell", class: "code" }, ...buttons.flatMap((b, k) => (k ? [" ", b] : [b]))));
        if (!this.open.has(row)) return [line];
        const facts = el("dl", { class: "facts" });
        this.details.forEach((k) => { const text = this.columns[k].text(row); if (text !== "") facts.append(el("dt", {}, this.columns[k].title), el("dd", { class: "code" }, text, ...(this.columns[k].kind === "place" ? R.links(...text.split(",").map(Number)) : []))); });
        return [line, el("tr", { class: "detail", role: "row" }, el("td", { role: "cell", colspan: this.shown.length + 1 }, facts))];
      }));
      const total = number.format(this.n);
      this.caption.textContent = this.rows.length === this.n ? `${total} ${this.data.noun}` : `${number.format(this.rows.length)} of ${total} ${this.data.noun}`;
      if (part.length < this.rows.length) this.caption.textContent += `, showing ${number.format(start + 1)} to ${number.format(start + part.length)}`;
      this.status.textContent = this.caption.textContent;
      this.position.textContent = `page ${number.format(this.page + 1)} of ${number.format(pages)}`;
      this.previous.disabled = this.page === 0;
      this.next.disabled = this.page >= pages - 1;
      this.pager.classList.toggle("hidden", this.n <= 25);
    }
  }

  // Small tables that are HTML already: sorting and showing by the value of one column.
  function enhance(table) {
    const body = table.tBodies[0];
    const lines = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, index) => {
      const button = el("button", { type: "button" }, ...head.childNodes);
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (line) => line.cells[index].dataset.sort || line.cells[index].textContent;
        body.append(...[...lines].sort((a, b) => (down ? -1 : 1) * collator.compare(key(a), key(b))));
      });
    });
  }

  R.startTables = function () {
    document.querySelectorAll("[data-table]").forEach((host) => new Table(host));
    document.querySelectorAll("table[data-sortable]").forEach(enhance);
    document.querySelectorAll("[data-show]").forEach((group) => {
      const lines = [...document.getElementById(group.dataset.show).tBodies[0].rows];
      group.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        group.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
        lines.forEach((line) => line.classList.toggle("hidden", button.value !== "" && line.dataset.group !== button.value));
      });
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-choose]");
      if (link && R.tables[link.dataset.choose]) R.tables[link.dataset.choose].choose(link.dataset.column, link.value);
    });
  };
})();
