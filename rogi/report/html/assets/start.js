// Tables ask maps whether a row has a place, so maps come first.
(function () {
  "use strict";
  const R = window.rogi;
  R.startMaps();
  R.startTables();
  Object.values(R.maps).forEach((map) => {
    const table = R.tables[map.table];
    if (!table) return;
    table.listeners.push((keep) => map.filter(keep));
    map.filter(table.keep);
  });
})();
