// Tables ask maps whether a row has a place, so maps come first.
(function () {
  "use strict";
  const R = window.rogi;

  function start() {
    R.startMaps();
    R.startTables();
    Object.values(R.maps).forEach((map) => {
      const table = R.tables[map.table];
      if (!table) return;
      table.listeners.push((keep) => map.filter(keep));
      map.filter(table.keep);
    });
  }

  // Large blocks of data are gzip in base64.
  async function unpack(node) {
    const bytes = Uint8Array.from(atob(node.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    R.unpacked[node.id] = await new Response(stream).json();
  }

  function tell() {
    document.querySelectorAll("[data-map].map, [data-table]").forEach((host) => {
      host.replaceChildren(R.el("p", {}, "This browser cannot unpack the data of this page; use one of 2023 or later."));
    });
  }

  const packed = [...document.querySelectorAll('script[type="application/gzip"]')];
  if (packed.length) Promise.all(packed.map(unpack)).then(start, tell); else start();
})();
