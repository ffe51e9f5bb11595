// A map drawn on a canvas from the geometries in the page: pan, zoom, graticule, scale bar, popups.
// Mercator, so that shapes are true at every zoom; nothing is fetched.
(function () {
  "use strict";
  const R = (window.rogi = window.rogi || { tables: {}, maps: {} });
  const RADIAN = Math.PI / 180;
  const EQUATOR = 40075016.7; // m, circumference of WGS84
  const MAX_LATITUDE = 85;
  const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
  const POPUP_ROWS = 8;
  const toX = (lon) => lon / 360 + 0.5;
  const toY = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, lat)) * RADIAN / 2)) / (2 * Math.PI);
  const toLatitude = (y) => (2 * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - Math.PI / 2) / RADIAN;
  const toLongitude = (x) => (x - 0.5) * 360;
  const number = new Intl.NumberFormat("en");

  // Geometries are chains of quantised differences; a chain's length is negative where it is a closed ring.
  function decode(layer) {
    const n = layer.n;
    if (layer.shared) {
      const other = R.maps[layer.shared[0]].layers[layer.shared[1]];
      ["first", "start", "ring", "x", "y", "box", "error", "labels", "rows", "rowStart"].forEach((name) => { layer[name] = other[name]; });
    } else {
      decodeGeometry(layer, layer.geometry, n);
      layer.rowStart = new Uint32Array(n + 1);
      if (layer.rows) for (let k = 0; k < n; k++) layer.rowStart[k + 1] = layer.rowStart[k] + (layer.rows.counts ? layer.rows.counts[k] : 1);
    }
    layer.left = (f) => !layer.cut || layer.cut.share[f] > 0;
    layer.keep = Uint8Array.from({ length: n }, (_, f) => layer.left(f));
    layer.scheme = 0;
    layer.geometry = null;
  }

  function decodeGeometry(layer, g, n) {
    layer.error = g.error / 360;
    layer.first = new Uint32Array(n + 1);
    for (let k = 0; k < n; k++) layer.first[k + 1] = layer.first[k] + g.parts[k];
    const chains = g.lengths.length;
    layer.start = new Uint32Array(chains + 1);
    for (let c = 0; c < chains; c++) layer.start[c + 1] = layer.start[c] + Math.abs(g.lengths[c]);
    layer.ring = g.lengths.map((length) => length < 0);
    const total = layer.start[chains];
    layer.x = new Float64Array(total);
    layer.y = new Float64Array(total);
    let qx = 0;
    let qy = 0;
    for (let v = 0; v < total; v++) {
      qx += g.deltas[2 * v];
      qy += g.deltas[2 * v + 1];
      layer.x[v] = toX(g.west + qx * g.step);
      layer.y[v] = toY(g.south + qy * g.step);
    }
    layer.box = new Float64Array(4 * n);
    for (let k = 0; k < n; k++) {
      let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
      for (let v = layer.start[layer.first[k]]; v < layer.start[layer.first[k + 1]]; v++) {
        x0 = Math.min(x0, layer.x[v]); x1 = Math.max(x1, layer.x[v]);
        y0 = Math.min(y0, layer.y[v]); y1 = Math.max(y1, layer.y[v]);
      }
      layer.box.set([x0, y0, x1, y1], 4 * k);
    }
  }

  class MapView {
    constructor(host) {
      this.host = host;
      const data = R.read(host.dataset.map);
      this.layers = data.layers;
      R.maps[host.dataset.map] = this;
      this.layers.filter((layer) => !layer.shared).forEach(decode);
      this.layers.filter((layer) => layer.shared).forEach(decode);
      this.table = data.table;
      this.group = data.group;
      this.marks = []; // what is chosen: the feature, after others of the same row
      const el = R.el;
      this.relief();
      this.canvas = el("canvas", { tabindex: 0, role: "application", "aria-label": `${data.title}. Arrow keys pan, plus and minus zoom, 0 shows everything; the table lists the same content.` });
      this.hint = el("div", { class: "hint", "aria-hidden": "true" });
      this.popup = el("div", { class: "popup hidden", role: "dialog", "aria-label": "Features here" });
      const button = (text, label, action) => el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
      host.replaceChildren(this.canvas, el("div", { class: "zoom noprint" }, button("+", "Zoom in", () => this.zoom(2)), button("−", "Zoom out", () => this.zoom(0.5)), button("⤢", "Show everything", () => this.reset())), this.hint, this.popup);
      this.legend = el("div", { class: "legend" });
      host.after(this.legend);
      this.controls();
      this.listen();
      this.reset(true);
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      ["(prefers-color-scheme: dark)", "print"].forEach((query) => window.matchMedia(query).addEventListener("change", () => { this.controls(); this.draw(); }));
    }

    // A hillshade behind all maps of the page, where it has one: a picture in Mercator.
    relief() {
      const block = document.getElementById("backdrop");
      if (!block) return;
      const { image, box } = JSON.parse(block.textContent);
      this.shade = new Image();
      this.shade.onload = () => this.draw();
      this.shade.src = image;
      this.shadeBox = [toX(box[0]), toY(box[3]), toX(box[2]), toY(box[1])];
    }

    // ---- layers, legend, colours

    color(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || "#888"; }

    controls() {
      const el = R.el;
      this.legend.replaceChildren();
      const titles = [...new Set(this.layers.flatMap((l) => l.schemes.map((s) => s.title)))].filter(Boolean);
      if (titles.length > 1) {
        const select = el("select", { onchange: (e) => {
          this.layers.forEach((l) => { const k = l.schemes.findIndex((s) => s.title === e.target.value); if (k >= 0) l.scheme = k; });
          this.controls(); this.draw();
        } }, ...titles.map((t) => el("option", { selected: this.layers.some((l) => l.schemes.length > 1 && l.schemes[l.scheme].title === t) }, t)));
        this.legend.append(el("label", {}, "Colour by", select));
      }
      const seen = new Set();
      this.layers.forEach((layer) => {
        this.legend.append(el("label", {}, el("input", { type: "checkbox", checked: layer.visible, onchange: (e) => { layer.visible = e.target.checked; this.draw(); } }), `${layer.title} (${number.format(layer.count)})${this.from(layer)}`, layer.schemes[layer.scheme].styles.length === 1 ? this.swatch(layer.schemes[layer.scheme].styles[0]) : null));
      });
      this.layers.forEach((layer) => {
        const scheme = layer.schemes[layer.scheme];
        if (scheme.styles.length > 1) scheme.styles.forEach((style) => {
          const key = `${style.title} ${style.color} ${style.shape}`;
          if (!seen.has(key)) { seen.add(key); this.legend.append(el("span", {}, this.swatch(style), style.title)); }
        });
      });
    }

    // From how far outside the other layer a layer is drawn, where that is a metre or more.
    from(layer) {
      const metres = layer.cut ? EQUATOR * this.margin(layer) : 0;
      return metres < 1 ? "" : `, drawn from ${number.format(Math.ceil(metres))} m outside`;
    }

    margin(layer) { return layer.error + this.layers[layer.cut.by].error; }

    swatch(style) {
      const canvas = R.el("canvas", { width: 32, height: 32, "aria-hidden": "true" });
      const c = canvas.getContext("2d");
      c.scale(2, 2);
      this.symbol(c, style, this.color(style.color), 8, 8, 5.5);
      return canvas;
    }

    symbol(c, style, color, x, y, r) {
      c.beginPath();
      if (style.shape === "square") c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
      else if (style.shape === "triangle") { c.moveTo(x, y - r * 1.15); c.lineTo(x + r * 1.1, y + r * 0.8); c.lineTo(x - r * 1.1, y + r * 0.8); c.closePath(); }
      else if (style.shape === "diamond") { c.moveTo(x, y - r * 1.2); c.lineTo(x + r * 1.2, y); c.lineTo(x, y + r * 1.2); c.lineTo(x - r * 1.2, y); c.closePath(); }
      else c.arc(x, y, r, 0, 7);
      c.fillStyle = c.strokeStyle = color;
      c.lineWidth = style.width;
      if (style.fill) { c.globalAlpha = r > 3 ? 0.75 : 0.9; c.fill(); c.globalAlpha = 1; } else c.stroke();
    }

    // ---- view: centre (x, y) in turns of the globe, k pixels a turn

    size() { return [this.canvas.clientWidth, this.canvas.clientHeight]; }

    reset(quiet) {
      const all = [Infinity, Infinity, -Infinity, -Infinity];
      const maps = this.group ? Object.values(R.maps).filter((m) => m.group === this.group) : [this];
      maps.flatMap((m) => m.layers).forEach(({ n, keep, box }) => {
        for (let k = 0; k < n; k++) {
          if (!keep[k] || !(box[4 * k] <= box[4 * k + 2])) continue;
          all[0] = Math.min(all[0], box[4 * k]); all[1] = Math.min(all[1], box[4 * k + 1]);
          all[2] = Math.max(all[2], box[4 * k + 2]); all[3] = Math.max(all[3], box[4 * k + 3]);
        }
      });
      this.fit(all[0] <= all[2] ? all : [0.02, 0.15, 0.98, 0.85], 0.9, quiet);
    }

    fit(box, share, quiet) {
      const [w, h] = this.size();
      const y = (box[1] + box[3]) / 2;
      const least = 400 / (EQUATOR * Math.cos(toLatitude(y) * RADIAN)); // at least 400 m across
      const k = share * Math.min((w || 600) / Math.max(box[2] - box[0], least), (h || 400) / Math.max(box[3] - box[1], least));
      this.go({ x: (box[0] + box[2]) / 2, y, k }, quiet);
    }

    go(view, quiet) {
      view.k = Math.max(200, Math.min(view.k, 2e9));
      view.x = Math.max(-0.5, Math.min(1.5, view.x));
      view.y = Math.max(0, Math.min(1, view.y));
      this.view = view;
      this.draw();
      if (this.group && !quiet) Object.values(R.maps).forEach((other) => { if (other !== this && other.group === this.group) other.go({ ...view }, true); });
    }

    zoom(factor, px, py) {
      const [w, h] = this.size();
      const dx = (px === undefined ? w / 2 : px) - w / 2;
      const dy = (py === undefined ? h / 2 : py) - h / 2;
      const k = Math.max(200, Math.min(this.view.k * factor, 2e9));
      this.go({ x: this.view.x + dx / this.view.k - dx / k, y: this.view.y + dy / this.view.k - dy / k, k });
    }

    pan(dx, dy) { this.close(); this.go({ ...this.view, x: this.view.x - dx / this.view.k, y: this.view.y - dy / this.view.k }); }

    // ---- drawing

    draw() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.paint(); });
    }

    paint() {
      const [w, h] = this.size();
      if (!w || !this.view) return;
      const ratio = window.devicePixelRatio || 1;
      if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) { this.canvas.width = Math.round(w * ratio); this.canvas.height = Math.round(h * ratio); }
      const c = this.canvas.getContext("2d");
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      c.fillStyle = this.color("map");
      c.fillRect(0, 0, w, h);
      const { x, y, k } = this.view;
      const left = x - w / 2 / k;
      const top = y - h / 2 / k;
      if (this.shade && this.shade.complete && this.shade.naturalWidth) {
        const [x0, y0, x1, y1] = this.shadeBox;
        c.globalAlpha = Number(this.color("relief"));
        c.drawImage(this.shade, (x0 - left) * k, (y0 - top) * k, (x1 - x0) * k, (y1 - y0) * k);
        c.globalAlpha = 1;
      }
      this.graticule(c, w, h, left, top, k);
      this.layers.forEach((layer) => {
        if (layer.cut && layer.visible) this.paintCut(c, layer, w, h, left, top, k);
        else if (layer.visible && layer.resolution / 360 * k < 4) this.paintLayer(c, layer, w, h, left, top, k);
      });
      this.marks.forEach(([layer, f], n) => this.paintMark(c, layer, f, n < this.marks.length - 1, left, top, k));
      this.labels(c, w, h, left, top, k);
    }

    paintLayer(c, layer, w, h, left, top, k) {
      const scheme = layer.schemes[layer.scheme];
      const right = left + w / k;
      const bottom = top + h / k;
      const box = layer.box;
      const bins = scheme.styles.map(() => []);
      for (let f = 0; f < layer.n; f++) {
        if (!layer.keep[f] || !(box[4 * f] <= right && box[4 * f + 2] >= left && box[4 * f + 1] <= bottom && box[4 * f + 3] >= top)) continue;
        bins[Array.isArray(scheme.classes) ? scheme.classes[f] : scheme.classes].push(f);
      }
      const crowd = bins.reduce((sum, bin) => sum + bin.length, 0);
      const radius = layer.interactive ? (crowd > 5000 ? 1.6 : crowd > 500 ? 2.6 : 4) : 1;
      for (let s = scheme.styles.length - 1; s >= 0; s--) {
        const style = scheme.styles[s];
        const color = this.color(style.color);
        const taken = new Uint8Array(crowd > 5000 ? w * h : 0); // of many dots in one pixel the first is drawn
        for (const f of bins[s]) {
          const across = Math.max(box[4 * f + 2] - box[4 * f], box[4 * f + 3] - box[4 * f + 1]) * k;
          if (across < 2.5 * radius || !layer.interactive && across < 2) {
            const px = ((box[4 * f] + box[4 * f + 2]) / 2 - left) * k;
            const py = ((box[4 * f + 1] + box[4 * f + 3]) / 2 - top) * k;
            if (taken.length) {
              const pixel = Math.floor(py) * w + Math.floor(px);
              if (taken[pixel]) continue;
              taken[pixel] = 1;
            }
            if (radius < 2) { c.fillStyle = color; c.fillRect(px - radius, py - radius, 2 * radius, 2 * radius); } else this.symbol(c, style, color, px, py, radius);
            continue;
          }
          const area = this.trace(c, layer, f, left, top, k);
          c.strokeStyle = c.fillStyle = color;
          if (style.fill && area) { c.globalAlpha = 0.22; c.fill("evenodd"); c.globalAlpha = 1; }
          c.lineWidth = style.width;
          c.setLineDash(style.dash ? [6, 4] : []);
          c.stroke();
        }
        c.setLineDash([]);
      }
    }

    // What the other layer does not cover: its features are rubbed out of a picture of this one's.
    paintCut(c, layer, w, h, left, top, k) {
      const other = this.layers[layer.cut.by];
      const style = layer.schemes[0].styles[0];
      const color = this.color(style.color);
      const reach = Math.max(1, this.margin(layer) * k / Math.cos(toLatitude(this.view.y) * RADIAN));
      const meet = ({ box }, f, far) => box[4 * f] <= left + (w + far) / k && box[4 * f + 2] >= left - far / k && box[4 * f + 1] <= top + (h + far) / k && box[4 * f + 3] >= top - far / k;
      const kinds = new Map();
      const at = (kind) => { if (!kinds.has(kind)) kinds.set(kind, [[], []]); return kinds.get(kind); };
      for (let f = 0; f < layer.n; f++) {
        if (!layer.keep[f] || !meet(layer, f, 0)) continue;
        const b = layer.box;
        const across = Math.max(b[4 * f + 2] - b[4 * f], b[4 * f + 3] - b[4 * f + 1]) * k;
        if (across >= 6) at(this.kind(layer, layer, f))[0].push(f);
        else if (layer.cut.share[f] > 1) this.symbol(c, style, color, ((b[4 * f] + b[4 * f + 2]) / 2 - left) * k, ((b[4 * f + 1] + b[4 * f + 3]) / 2 - top) * k, 2);
      }
      if (!kinds.size) return;
      for (let f = 0; f < other.n; f++) if (meet(other, f, reach)) { const kind = this.kind(layer, other, f); if (kinds.has(kind)) at(kind)[1].push(f); }
      const scratch = this.scratch = this.scratch || R.el("canvas");
      if (scratch.width !== this.canvas.width || scratch.height !== this.canvas.height) { scratch.width = this.canvas.width; scratch.height = this.canvas.height; }
      const s = scratch.getContext("2d");
      s.lineJoin = "round";
      s.lineWidth = 2 * reach;
      s.fillStyle = color;
      kinds.forEach(([own, others]) => {
        s.setTransform(1, 0, 0, 1, 0, 0);
        s.clearRect(0, 0, scratch.width, scratch.height);
        s.setTransform(c.getTransform());
        own.forEach((f) => { if (this.trace(s, layer, f, left, top, k)) s.fill("evenodd"); });
        s.globalCompositeOperation = "destination-out";
        others.forEach((f) => { if (this.trace(s, other, f, left, top, k)) { s.fill("evenodd"); s.stroke(); } });
        s.globalCompositeOperation = "source-over";
        c.globalAlpha = 0.35;
        c.drawImage(scratch, 0, 0, w, h);
        c.globalAlpha = 1;
      });
    }

    // What features must have in common to cut each other.
    kind(layer, of, f) { return R.tables[this.table].columns.find((column) => column.title === layer.cut.column).text(of.rows.index[of.rowStart[f]]); }

    // Whether a place in a feature is covered by the layer that cuts it.
    covered(layer, f, x, y) {
      const other = this.layers[layer.cut.by];
      const reach = this.margin(layer) / Math.cos(toLatitude(y) * RADIAN);
      const b = other.box;
      const kind = this.kind(layer, layer, f);
      for (let o = 0; o < other.n; o++) {
        if (x < b[4 * o] - reach || x > b[4 * o + 2] + reach || y < b[4 * o + 1] - reach || y > b[4 * o + 3] + reach) continue;
        if (this.kind(layer, other, o) === kind && (this.inside(other, o, x, y) || this.near(other, o, x, y, reach))) return true;
      }
      return false;
    }

    trace(c, layer, f, left, top, k) {
      let area = false;
      c.beginPath();
      for (let chain = layer.first[f]; chain < layer.first[f + 1]; chain++) {
        const from = layer.start[chain];
        const to = layer.start[chain + 1];
        if (to - from === 1) {
          const px = (layer.x[from] - left) * k;
          const py = (layer.y[from] - top) * k;
          c.moveTo(px + 4, py); c.arc(px, py, 4, 0, 7);
          continue;
        }
        for (let v = from; v < to; v++) c[v === from ? "moveTo" : "lineTo"]((layer.x[v] - left) * k, (layer.y[v] - top) * k);
        if (layer.ring[chain]) { c.closePath(); area = true; }
      }
      return area;
    }

    paintMark(c, layer, f, other, left, top, k) {
      const b = layer.box;
      c.strokeStyle = this.color("fg");
      c.lineWidth = 2.5;
      const across = Math.max(b[4 * f + 2] - b[4 * f], b[4 * f + 3] - b[4 * f + 1]) * k;
      c.setLineDash(other ? [5, 4] : []);
      if (across > 10) { this.trace(c, layer, f, left, top, k); c.stroke(); }
      if (across < 40) { c.beginPath(); c.arc(((b[4 * f] + b[4 * f + 2]) / 2 - left) * k, ((b[4 * f + 1] + b[4 * f + 3]) / 2 - top) * k, 12 + across / 2, 0, 7); c.stroke(); }
      c.setLineDash([]);
    }

    step(k) { return STEPS.findLast((s) => s / 360 * k >= 95) || STEPS[0]; }

    lines(w, h, left, top, k) {
      const step = this.step(k);
      const meridians = [];
      const parallels = [];
      for (let n = Math.ceil(toLongitude(left) / step); n * step <= toLongitude(left + w / k); n++) meridians.push(n * step);
      const north = Math.min(MAX_LATITUDE, toLatitude(Math.max(0, top)));
      const south = Math.max(-MAX_LATITUDE, toLatitude(Math.min(1, top + h / k)));
      for (let n = Math.ceil(south / step); n * step <= north; n++) parallels.push(n * step);
      return { step, meridians, parallels };
    }

    graticule(c, w, h, left, top, k) {
      const { meridians, parallels } = this.lines(w, h, left, top, k);
      c.strokeStyle = this.color("grid");
      c.lineWidth = 1;
      c.beginPath();
      meridians.forEach((lon) => { const px = Math.round((toX(lon) - left) * k) + 0.5; c.moveTo(px, 0); c.lineTo(px, h); });
      parallels.forEach((lat) => { const py = Math.round((toY(lat) - top) * k) + 0.5; c.moveTo(0, py); c.lineTo(w, py); });
      c.stroke();
    }

    labels(c, w, h, left, top, k) {
      const { step, meridians, parallels } = this.lines(w, h, left, top, k);
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      const degrees = (value, plus, minus) => `${Math.abs(value).toFixed(digits)}°${value > 1e-9 ? plus : value < -1e-9 ? minus : ""}`;
      c.font = "11px system-ui, sans-serif";
      const write = (text, x, y, align) => {
        c.textAlign = align; c.lineWidth = 3; c.lineJoin = "round";
        c.strokeStyle = this.color("map"); c.strokeText(text, x, y);
        c.fillStyle = this.color("muted"); c.fillText(text, x, y);
      };
      c.textBaseline = "bottom";
      meridians.forEach((lon) => { const px = (toX(lon) - left) * k; if (px > 190 && px < w - 20) write(degrees(((lon + 540) % 360) - 180, "E", "W"), px, h - 4, "center"); });
      c.textBaseline = "middle";
      parallels.forEach((lat) => { const py = (toY(lat) - top) * k; if (py > 10 && py < h - 40) write(degrees(lat, "N", "S"), 5, py, "left"); });
      // scale bar, true at the middle of the view
      const metres = EQUATOR * Math.cos(toLatitude(this.view.y) * RADIAN) / k;
      let bar = 10 ** Math.floor(Math.log10(metres * 150));
      bar *= [5, 2, 1].find((m) => m * bar <= metres * 150) || 1;
      const length = bar / metres;
      c.strokeStyle = this.color("fg"); c.lineWidth = 2;
      c.beginPath(); c.moveTo(12, h - 16); c.lineTo(12, h - 10); c.lineTo(12 + length, h - 10); c.lineTo(12 + length, h - 16); c.stroke();
      c.textBaseline = "bottom";
      write(bar >= 1000 ? `${number.format(bar / 1000)} km` : `${number.format(bar)} m`, 12 + length / 2, h - 15, "center");
    }

    // ---- what is where

    inside(layer, f, x, y) {
      let odd = false;
      for (let chain = layer.first[f]; chain < layer.first[f + 1]; chain++) {
        if (!layer.ring[chain]) continue;
        const from = layer.start[chain];
        const to = layer.start[chain + 1];
        for (let v = from, u = to - 1; v < to; u = v++) {
          if ((layer.y[v] > y) !== (layer.y[u] > y) && x < (layer.x[u] - layer.x[v]) * (y - layer.y[v]) / (layer.y[u] - layer.y[v]) + layer.x[v]) odd = !odd;
        }
      }
      return odd;
    }

    near(layer, f, x, y, reach) {
      for (let chain = layer.first[f]; chain < layer.first[f + 1]; chain++) {
        const from = layer.start[chain];
        const to = layer.start[chain + 1];
        for (let v = from; v < to; v++) {
          const u = v > from ? v - 1 : layer.ring[chain] ? to - 1 : v;
          const [dx, dy] = [layer.x[v] - layer.x[u], layer.y[v] - layer.y[u]];
          const t = dx || dy ? Math.max(0, Math.min(1, ((x - layer.x[u]) * dx + (y - layer.y[u]) * dy) / (dx * dx + dy * dy))) : 0;
          if (Math.hypot(x - layer.x[u] - t * dx, y - layer.y[u] - t * dy) <= reach) return true;
        }
      }
      return false;
    }

    pick(px, py) {
      const [w, h] = this.size();
      const x = this.view.x + (px - w / 2) / this.view.k;
      const y = this.view.y + (py - h / 2) / this.view.k;
      const reach = 7 / this.view.k;
      const hits = [];
      this.layers.slice().reverse().forEach((layer) => {
        if (!layer.visible || !layer.interactive) return;
        for (let f = 0; f < layer.n; f++) {
          const b = layer.box;
          if (!layer.keep[f] || x < b[4 * f] - reach || x > b[4 * f + 2] + reach || y < b[4 * f + 1] - reach || y > b[4 * f + 3] + reach) continue;
          const small = Math.max(b[4 * f + 2] - b[4 * f], b[4 * f + 3] - b[4 * f + 1]) <= 2 * reach;
          if (layer.cut ? (small ? layer.cut.share[f] > 1 : this.inside(layer, f, x, y) && !this.covered(layer, f, x, y)) : small || this.inside(layer, f, x, y) || this.near(layer, f, x, y, reach)) hits.push([layer, f]);
        }
      });
      return hits;
    }

    close() { this.popup.classList.add("hidden"); }

    tell(hits, px, py) {
      if (!hits.length) { this.close(); this.marks = []; this.draw(); return; }
      const el = R.el;
      this.marks = [hits[0]];
      this.draw();
      const table = R.tables[this.table];
      const seen = new Set();
      const groups = new Map();
      hits.forEach(([layer, f]) => {
        const label = this.label(layer, f, table);
        if (!groups.has(label)) groups.set(label, []);
        if (!table || !layer.rows) return;
        for (let r = layer.rowStart[f]; r < layer.rowStart[f + 1]; r++) {
          const row = layer.rows.index[r];
          if (!seen.has(row) && table.keep[row]) { seen.add(row); groups.get(label).push(row); }
        }
      });
      const line = (row) => el("li", {}, el("button", { type: "button", class: "link", onclick: () => { this.close(); table.show(row); } }, table.data.label.map((k) => table.columns[k].text(row)).filter(Boolean).join(" · ")));
      const items = [...groups].slice(0, POPUP_ROWS).map(([label, rows]) => el("div", {}, el("h3", {}, label), el("ul", {}, ...rows.slice(0, POPUP_ROWS).map(line),
        rows.length > POPUP_ROWS ? el("li", {}, `and ${number.format(rows.length - POPUP_ROWS)} more`) : null)));
      const [first, at] = hits[0];
      const box = first.box.subarray(4 * at, 4 * at + 4);
      items.push(el("p", { class: "places" }, "Look at it in", ...R.links(toLatitude((box[1] + box[3]) / 2), toLongitude((box[0] + box[2]) / 2))));
      if (groups.size > POPUP_ROWS) items.push(el("p", {}, `and ${number.format(groups.size - POPUP_ROWS)} more features here; zoom in`));
      this.popup.replaceChildren(el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => { this.close(); this.canvas.focus({ preventScroll: true }); } }, "×"), ...items);
      this.popup.classList.remove("hidden");
      const [w, h] = this.size();
      this.popup.style.left = `${Math.max(8, Math.min(px + 10, w - this.popup.offsetWidth - 8))}px`;
      this.popup.style.top = `${Math.max(8, Math.min(py + 10, h - this.popup.offsetHeight - 8))}px`;
    }

    label(layer, f, table) {
      const [text, title] = layer.named || ["", null];
      if (layer.labels && layer.labels[f] !== null) return text + layer.labels[f];
      return title ? text + table.columns.find((c) => c.title === title).text(layer.rows.index[layer.rowStart[f]]) : layer.title;
    }

    // ---- rows of the table

    place(row) {
      if (!this.places) {
        this.places = new Map();
        this.layers.forEach((layer) => {
          if (!layer.rows) return;
          for (let f = 0; f < layer.n; f++) if (layer.left(f)) for (let r = layer.rowStart[f]; r < layer.rowStart[f + 1]; r++) {
            const row = layer.rows.index[r];
            if (!this.places.has(row)) this.places.set(row, []);
            this.places.get(row).push([layer, f]);
          }
        });
      }
      return this.places.get(row);
    }

    has(row) { return this.place(row) !== undefined; }

    show(row) {
      const all = this.place(row);
      if (!all) return;
      all.at(-1)[0].visible = true;
      const places = all.filter(([layer]) => layer.visible);
      this.controls();
      this.marks = places;
      this.close();
      const ends = [0, 1, 2, 3].map((k) => (k < 2 ? Math.min : Math.max)(...places.map(([layer, f]) => layer.box[4 * f + k])));
      this.fit(ends, 0.4);
      this.host.scrollIntoView({ block: "nearest" });
    }

    filter(keep) {
      const table = R.tables[this.table];
      this.layers.forEach((layer) => {
        if (!layer.rows) return;
        const schemes = layer.schemes.filter((s) => s.column !== null).map((scheme) => {
          const column = table.columns.find((c) => c.title === scheme.column);
          const last = scheme.styles.length - 1;
          const rank = column.d.map((value) => { const k = scheme.values.indexOf(value); return k < 0 ? last : k; });
          scheme.classes = new Array(layer.n).fill(last);
          return { scheme, column, rank };
        });
        for (let f = 0; f < layer.n; f++) {
          layer.keep[f] = 0;
          if (!layer.left(f)) continue;
          for (let r = layer.rowStart[f]; r < layer.rowStart[f + 1]; r++) {
            const row = layer.rows.index[r];
            if (!keep[row]) continue;
            layer.keep[f] = 1;
            schemes.forEach(({ scheme, column, rank }) => { scheme.classes[f] = Math.min(scheme.classes[f], rank[column.code(row)]); });
          }
        }
      });
      this.close();
      this.draw();
    }

    // ---- pointer, touch, keys

    say(text) {
      this.hint.textContent = text;
      this.hint.classList.add("on");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.hint.classList.remove("on"), 1400);
    }

    listen() {
      const canvas = this.canvas;
      const at = (e) => { const box = canvas.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
      let drag = null;
      canvas.addEventListener("pointerdown", (e) => { if (e.button === 0) drag = { x: e.clientX, y: e.clientY, moved: false, touch: e.pointerType === "touch" }; });
      canvas.addEventListener("pointermove", (e) => {
        if (!drag) { canvas.style.cursor = e.pointerType === "mouse" && this.pick(...at(e)).length ? "pointer" : ""; return; }
        const [dx, dy] = [e.clientX - drag.x, e.clientY - drag.y];
        if (!drag.moved && Math.hypot(dx, dy) < 4) return;
        drag.moved = true;
        if (drag.touch) return;
        canvas.setPointerCapture(e.pointerId);
        canvas.classList.add("drag");
        this.pan(dx, dy);
        drag.x = e.clientX; drag.y = e.clientY;
      });
      const end = (e) => {
        canvas.classList.remove("drag");
        if (drag && !drag.moved && e.type === "pointerup") this.tell(this.pick(...at(e)), ...at(e));
        drag = null;
      };
      canvas.addEventListener("pointerup", end);
      canvas.addEventListener("pointercancel", end);
      canvas.addEventListener("dblclick", (e) => this.zoom(2, ...at(e)));
      canvas.addEventListener("wheel", (e) => {
        if (!e.ctrlKey && !e.metaKey && document.activeElement !== canvas) { this.say("Ctrl + wheel zooms, or click the map first"); return; }
        e.preventDefault();
        this.close();
        this.zoom(2 ** (-e.deltaY * (e.deltaMode === 1 ? 20 : 1) / 250), ...at(e));
      }, { passive: false });
      // one finger scrolls the page, two move the map
      let fingers = null;
      const two = (e) => { const box = canvas.getBoundingClientRect(); const [a, b] = e.touches; return { x: (a.clientX + b.clientX) / 2 - box.left, y: (a.clientY + b.clientY) / 2 - box.top, d: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1 }; };
      canvas.addEventListener("touchstart", (e) => { if (e.touches.length === 2) { e.preventDefault(); drag = null; fingers = two(e); } }, { passive: false });
      canvas.addEventListener("touchmove", (e) => {
        if (!fingers || e.touches.length !== 2) { this.say("Two fingers move the map"); return; }
        e.preventDefault();
        const now = two(e);
        this.pan(now.x - fingers.x, now.y - fingers.y);
        this.zoom(now.d / fingers.d, now.x, now.y);
        fingers = now;
      }, { passive: false });
      canvas.addEventListener("touchend", () => { fingers = null; });
      const keys = { ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0), ArrowUp: () => this.pan(0, 60), ArrowDown: () => this.pan(0, -60), "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5), 0: () => this.reset(), Enter: () => { const [w, h] = this.size(); this.tell(this.pick(w / 2, h / 2), w / 2, h / 2); } };
      canvas.addEventListener("keydown", (e) => { if (Object.hasOwn(keys, e.key) && !e.ctrlKey && !e.metaKey) { e.preventDefault(); keys[e.key](); } });
      this.host.addEventListener("keydown", (e) => { if (e.key === "Escape") { this.close(); this.marks = []; this.draw(); canvas.focus({ preventScroll: true }); } });
    }
  }

  R.startMaps = function () {
    document.querySelectorAll("div[data-map].map").forEach((host) => new MapView(host));
    Object.values(R.maps).forEach((map) => { if (map.group) map.reset(); }); // now that all are known
  };
})();
