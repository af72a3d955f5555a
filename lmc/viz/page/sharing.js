// The sharing view: an icicle that lies on its side. A row for each call, from left to right its prompt; a band through
// several rows is computed once for all of them. Rows are as high as fit the window; a click looks closer.
{
  const ROW = 24, LEGIBLE = 16, FEW = 80, THIN = 14, NEAR = 12, LABELS = 54 * CHAR;
  const whole = {start: 0, end: data.width || 1, top: 0, bottom: data.rows.length};
  let shown = whole;

  function height() {
    const num = Math.max(1, shown.bottom - shown.top), least = num > 1000 ? 1 : num > FEW ? 2.5 : LEGIBLE;
    return Math.min(ROW, Math.max(least, (scroller.clientHeight - 30) / num));
  }

  // What the names of the rows need that are shown, and no more: the rest is for the prompts.
  function longest() {
    const names = data.rows.slice(shown.top, shown.bottom).map(row => row.name.length);
    return Math.min(LABELS, (Math.max(0, ...names) + 1) * CHAR + 12);
  }

  function drawBand(number, row, room, scale) {
    const band = data.bands[number];
    const top = Math.max(band.top, shown.top), bottom = Math.min(band.bottom, shown.bottom);
    const left = Math.max(band.start, shown.start), right = Math.min(band.end, shown.end);
    if (top >= bottom || (right <= left && band.end > band.start)) return;
    const x = (left - shown.start) * scale, y = (top - shown.top) * row + 1;
    const width = Math.max(1, (right - left) * scale), tall = (bottom - top) * row;
    const group = thing(picture, {x, y}, band.says + ": " + cut(band.parts.map(part => part[3]).join(""), 60),
      () => tellBand(number), () => zoom(number));
    things[things.length - 1].of = number;
    if (band.bottom - band.top === 1) mark(group, matches(band.top));
    const edge = {class: "edge band " + band.color, x, y, width, height: tall};
    if (tall < THIN) edge.style = `stroke-width:${Math.min(1, tall / 10)}`;
    made(group, "rect", edge);
    for (const [kind, start, end, text] of band.parts) {
      const from = Math.max(start, shown.start), to = Math.min(end, shown.end);
      if (to <= from) continue;
      const x = (from - shown.start) * scale, width = (to - from) * scale;
      if (kind !== "text") made(group, "rect", {class: kind, x, y, width, height: tall});
      if (tall >= THIN) words(group, "in-" + kind, x + 4, y + Math.min(16, tall / 2 + 4), text, (width - 6) / CHAR);
    }
  }

  function drawRow(number, y, row, x, room) {
    const box = {x, y: y - row / 2}, name = data.rows[number].name;
    const group = thing(picture, box, name, () => tellCall(number), () => {});
    mark(group, matches(number));
    words(group, "", x, y, name, room / CHAR);
  }

  views.sharing = {
    title: "Sharing",
    legend: [
      [["band b0"], "computed once for all rows it goes through"], [["band own"], "of one call alone"],
      [["band own", "hole"], "known only when the program runs"], [["band own", "turn"], "marks of a turn"],
    ],
    buttons: [["out", "Show all (Esc)", () => all()]],
    draw() {
      const row = height(), labels = row >= THIN;
      const inside = Math.max(320, scroller.clientWidth - 34), names = labels ? Math.min(longest(), inside * 0.42) : 0;
      const room = inside - names, scale = (room - 8) / (shown.end - shown.start);
      picture.setAttribute("width", inside);
      picture.setAttribute("height", (shown.bottom - shown.top) * row + 2);
      for (let number = 0; number < data.bands.length; number++) drawBand(number, row, room, scale);
      for (let number = shown.top; labels && number < shown.bottom; number++) {
        drawRow(number, (number - shown.top) * row + row / 2 + 5, row, room + 4, names - 8);
      }
      $("out").disabled = shown === whole;
    },
    all() { all(); },
  };

  // A band takes all the room, with what is behind it; of a thin row some of its neighbours come along.
  function zoom(number) {
    const band = data.bands[number], up = data.bands[band.up] || {...whole};
    let {top, bottom, start} = band;
    if (bottom - top === 1 && height() < THIN) {
      [top, bottom, start] = [Math.max(up.top, top - NEAR), Math.min(up.bottom, top + NEAR), up.start];
    }
    const behind = data.bands.filter(each => each.top >= top && each.bottom <= bottom);
    const end = Math.max(start + 1e-6, ...behind.map(each => each.end));
    const same = shown.start === start && shown.top === top && shown.bottom === bottom && shown.end === end;
    shown = same && band.up >= 0 ? around(up) : {start, end, top, bottom};
    redraw(number);
  }

  function around(band) {
    const behind = data.bands.filter(each => each.top >= band.top && each.bottom <= band.bottom);
    return {start: band.start, end: Math.max(...behind.map(each => each.end)), top: band.top, bottom: band.bottom};
  }

  function redraw(number) {
    draw();
    scroller.scrollTo(0, 0);
    const again = things.find(one => one.of === number) || things[0];
    if (again && document.activeElement === document.body) again.element.focus({preventScroll: true});
    if (number !== undefined) tellBand(number);
  }

  function all() {
    shown = whole;
    redraw();
  }
}
