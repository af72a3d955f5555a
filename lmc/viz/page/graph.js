// The graph view: calls in waves from left to right, in boxes that open and close, shared prefixes as bands through them.
// Who stands under whom was decided by lmc (placing.py); here heights are added up again whenever a box opens or closes.
{
  const {items, stripes, links, sizes} = data.graph;
  const {card: [WIDE, HIGH], chip: CHIP, gap: GAP, gutter: GUTTER, pad: PAD, head: HEAD, stripe: STRIPE, inset: INSET,
    ribbon: RIBBON} = sizes;
  const below = items.map(() => []);
  items.forEach((item, number) => { if (item.up >= 0) below[item.up].push(number); });
  const opened = items.map(item => item.open);
  const first = opened.slice();
  let scale = 1;

  const isOpen = number => number === 0 || (opened[number] && below[number].length > 0);

  // Where everything goes that is shown: {x, y, width, height, card} by number.
  function place() {
    const order = [], todo = [0];
    while (todo.length) {
      const number = todo.pop();
      order.push(number);
      if (isOpen(number)) todo.push(...below[number]);
    }
    const top = [], tall = [], before = [], behind = [], last = [], padLeft = {}, padRight = {}, columns = new Set();
    for (const number of order.reverse()) {
      const item = items[number];
      if (!isOpen(number)) {
        tall[number] = item.kind === "call" || below[number].length ? HIGH : CHIP;
        before[number] = behind[number] = 0;
        last[number] = item.first;
        columns.add(item.first);
        continue;
      }
      let bottom = 0;
      for (const each of below[number].slice().sort((a, b) => items[a].place - items[b].place)) {
        top[each] = Math.max(number ? HEAD : 0, ...items[each].under.map(over => top[over] + tall[over] + GAP));
        bottom = Math.max(bottom, top[each] + tall[each]);
      }
      tall[number] = bottom + (number ? PAD : 0);
      last[number] = Math.max(...below[number].map(each => last[each]));
      before[number] = 1 + Math.max(0, ...below[number].filter(each => items[each].first === item.first).map(each => before[each]));
      behind[number] = 1 + Math.max(0, ...below[number].filter(each => last[each] === last[number]).map(each => behind[each]));
      if (!number) continue;
      padLeft[item.first] = Math.max(padLeft[item.first] || 0, before[number]);
      padRight[last[number]] = Math.max(padRight[last[number]] || 0, behind[number]);
    }
    const left = {};
    let at = 0;
    for (const column of [...columns].sort((a, b) => a - b)) {
      left[column] = at + (padLeft[column] || 0) * PAD;
      at = left[column] + WIDE + (padRight[column] || 0) * PAD + GUTTER;
    }
    const spots = new Map(), rest = below[0].slice().reverse().map(number => [number, 0]);
    while (rest.length) {
      const [number, from] = rest.pop(), y = from + top[number], x = left[items[number].first] - before[number] * PAD;
      const width = left[last[number]] + WIDE + behind[number] * PAD - x;
      spots.set(number, {number, x, y, width, height: tall[number], card: !isOpen(number)});
      if (isOpen(number)) for (const each of below[number].slice().reverse()) rest.push([each, y]);
    }
    return {spots, width: Math.max(WIDE, at - GUTTER), height: tall[0] || HIGH};
  }

  function rowsIn(number) {
    const found = [], todo = [number];
    while (todo.length) {
      const each = todo.pop();
      if (items[each].row >= 0) found.push(items[each].row);
      todo.push(...below[each]);
    }
    return found.sort((a, b) => a - b);
  }

  function stripesOf(row) {
    const found = [];
    for (let at = data.rows[row].stripe; at >= 0; at = stripes[at].up) found.push(at);
    return found.reverse();
  }

  function common(rows) {
    let chain = stripesOf(rows[0]);
    for (const row of rows.slice(1)) {
      const other = stripesOf(row);
      let length = 0;
      while (length < chain.length && chain[length] === other[length]) length++;
      chain = chain.slice(0, length);
    }
    return chain;
  }

  function runs(column) {
    const found = [], open = [];
    let above = null;
    for (const spot of [...column, null]) {
      const chain = spot ? spot.chain : [];
      let kept = 0;
      while (kept < open.length && open[kept].stripe === chain[kept]) kept++;
      for (const run of open.splice(kept)) found.push({...run, bottom: above});
      if (spot) for (const stripe of chain.slice(kept)) open.push({stripe, top: spot});
      above = spot;
    }
    return found;
  }

  function ribbons(columns) {
    const found = [], last = new Map();
    for (const column of columns) {
      const begun = new Map();
      for (const {stripe, top} of runs(column)) begun.set(top, [...(begun.get(top) || []), stripe]);
      for (const [target, all] of begun) {
        const known = all.filter(stripe => last.has(stripe)).sort((a, b) => stripes[a].start - stripes[b].start);
        if (!known.length) continue;
        const cards = last.get(known[known.length - 1]);
        const source = cards.reduce((a, b) => Math.abs(b.y - target.y) < Math.abs(a.y - target.y) ? b : a);
        let above = 0;
        for (const stripe of known) {
          found.push({stripe, source, target, above});
          above += stripes[stripe].end - stripes[stripe].start;
        }
      }
      const here = new Map();
      for (const spot of column) for (const stripe of spot.chain) {
        if (here.has(stripe)) here.get(stripe).push(spot); else here.set(stripe, [spot]);
      }
      for (const [stripe, spots] of here) last.set(stripe, spots);
    }
    return found;
  }

  function bend(from, to) {
    const x = Math.max(from[0], to[0] - 36), middle = (x + to[0]) / 2;
    return `${x > from[0] ? ` H${x}` : ""} C${middle},${from[1]} ${middle},${to[1]} ${to[0]},${to[1]}`;
  }

  const port = spot => spot.y + (!spot.card ? HEAD / 2 : spot.height > CHIP ? spot.height - 8 : spot.height / 2);

  function drawRibbon(parent, {stripe, source, target, above}) {
    const wide = stripes[stripe].end - stripes[stripe].start, tall = wide * RIBBON, shift = INSET + above * RIBBON + tall / 2;
    const from = [source.x + source.width, source.y + shift], to = [target.x, target.y + shift];
    const path = `M${source.x + INSET + stripes[stripe].start},${from[1]} H${from[0]}${bend(from, to)} H${to[0] + INSET + stripes[stripe].end}`;
    made(parent, "path", {class: `ribbon r${stripes[stripe].color}`, "stroke-width": tall, d: path});
  }

  function drawLinks(parent, shown) {
    const seen = new Set();
    for (const [from, to, kind] of links) {
      const source = shown(from), target = shown(to), pair = source && target && source.number + " " + target.number;
      if (!source || !target || source === target || seen.has(pair) || source.x + source.width > target.x) continue;
      seen.add(pair);
      const begin = [source.x + source.width, port(source)], end = [target.x, port(target)];
      made(parent, "path", {class: "link " + kind, d: `M${begin}${bend(begin, end)}`, "marker-end": "url(#arrow)"});
    }
  }

  function drawBox(spot) {
    const item = items[spot.number];
    const group = thing(picture, spot, item.title + ", open", () => tellBox(spot.number), () => toggle(spot.number));
    made(group, "rect", {class: "edge box", x: spot.x, y: spot.y, width: spot.width, height: spot.height, rx: 6});
  }

  function drawCard(spot) {
    const item = items[spot.number], many = below[spot.number].length > 0, {x, y, width, height} = spot;
    const act = many ? () => toggle(spot.number) : () => {};
    const tell = () => { if (item.row >= 0 && !many) tellCall(item.row); else tellBox(spot.number); };
    const group = thing(picture, spot, item.title + (many ? ", closed" : ""), tell, act);
    const found = spot.rows.map(matches);
    if (found.length && found[0] !== null) mark(group, found.some(each => each));
    if (many) made(group, "rect", {class: "card", x: x + 3, y: y + 3, width, height, rx: 4});
    made(group, "rect", {class: "edge card " + (height === CHIP ? "host" : "call"), x, y, width, height, rx: 4});
    if (spot.rows.length === 1 && !many) {
      const last = spot.chain[spot.chain.length - 1], start = last === undefined ? 0 : stripes[last].end;
      made(group, "rect", {class: "own", x: x + INSET + start, y: y + INSET, width: Math.max(0, data.rows[item.row].end - start),
        height: height - 2 * INSET});
    }
    const left = x + (spot.rows.length ? 2 * INSET + STRIPE : 8), room = (x + width - left - 4) / CHAR;
    words(group, "", left, y + (height === CHIP ? 16 : 17), (many ? "▸ " : "") + item.title, room);
    if (height !== CHIP) words(group, "note", left, y + 32, item.row >= 0 && data.rows[item.row].brief || item.note, room);
    if (item.row >= 0 && data.rows[item.row].bar) drawBar(group, data.rows[item.row].bar, left, y + height - 7, x + width - left - 6);
  }

  function drawBar(group, shares, x, y, room) {
    ["cached", "computed", "decoded"].forEach((kind, number) => {
      if (shares[number]) made(group, "rect", {class: kind + " frame", x, y, width: shares[number] * room, height: 4});
      x += (shares[number] || 0) * room;
    });
  }

  function drawRun({stripe, top, bottom}) {
    const {start, end, color, band} = stripes[stripe], x = top.x + INSET + start, y = top.y + INSET;
    const group = thing(picture, {x, y}, data.bands[band].says, () => tellBand(band), () => {});
    made(group, "rect", {class: `edge run b${color}`, x, y, width: end - start, height: bottom.y + bottom.height - INSET - y});
  }

  function tellBox(number) {
    const item = items[number], rows = rowsIn(number);
    start(item.title);
    if (item.line) html(says, "code", item.line);
    html(says, "p", item.note, "note");
    if (below[number].length) html(says, "p", opened[number] ? "Press to close it." : "Press to open it.", "note");
    for (const row of rows.slice(0, 20)) html(says, "div", data.rows[row].name);
    if (rows.length > 20) html(says, "div", `and ${rows.length - 20} more`, "note");
  }

  function toggle(number) {
    opened[number] = !opened[number];
    draw();
    const again = things.find(one => one.of === number) || things[0];
    again.element.focus({preventScroll: true});
  }

  function each(open) {
    for (const number in opened) opened[number] = open;
    draw();
  }

  function zoom(factor) {
    scale = Math.min(2, Math.max(0.1, scale * factor));
    draw();
  }

  function fit() {
    const {width, height} = place();
    scale = Math.min(1, (scroller.clientWidth - 34) / (width + 8), (scroller.clientHeight - 26) / (height + 8));
    draw();
  }

  views.graph = {
    title: "Graph",
    legend: [
      [["run b0"], "a prefix that calls share, wide as it is long"], [["own"], "of one call alone"],
      [["box"], "branch, loop, fork or group: press to close or open"], [["card host"], "calls no model"],
      ...(data.run ? [[["cached frame"], "from the cache"], [["computed frame"], "computed"], [["decoded frame"], "generated"]] : []),
    ],
    buttons: [
      ["open", "Open all", () => each(true)], ["close", "Close all", () => each(false)],
      ["smaller", "−", () => zoom(0.8)], ["larger", "+", () => zoom(1.25)], ["fit", "Fit", fit],
    ],
    draw() {
      const {spots, width, height} = place();
      picture.setAttribute("width", (width + 8) * scale);
      picture.setAttribute("height", (height + 8) * scale);
      picture.setAttribute("viewBox", `-2 -2 ${width + 8} ${height + 8}`);
      const shown = number => { while (number >= 0 && !spots.has(number)) number = items[number].up; return spots.get(number); };
      const cards = [...spots.values()].filter(spot => spot.card), byColumn = new Map();
      for (const spot of cards) {
        spot.rows = rowsIn(spot.number);
        spot.chain = spot.rows.length ? common(spot.rows) : [];
        if (!byColumn.has(spot.x)) byColumn.set(spot.x, []);
        if (spot.rows.length) byColumn.get(spot.x).push(spot);
      }
      const columns = [...byColumn.keys()].sort((a, b) => a - b).map(x => byColumn.get(x).sort((a, b) => a.y - b.y));
      for (const spot of spots.values()) if (!spot.card) { drawBox(spot); things[things.length - 1].of = spot.number; }
      const ground = made(picture, "g", {});
      for (const ribbon of ribbons(columns)) drawRibbon(ground, ribbon);
      drawLinks(ground, shown);
      for (const spot of cards) { drawCard(spot); things[things.length - 1].of = spot.number; }
      for (const column of columns) for (const run of runs(column)) drawRun(run);
      const titles = made(picture, "g", {class: "titles"});
      for (const {number, x, y, width, card} of spots.values()) {
        if (!card) words(titles, "note over", x + 8, y + 15, "▾ " + items[number].title, (width - 12) / CHAR);
      }
    },
    all() {
      for (const number in opened) opened[number] = first[number];
      scale = 1;
      draw();
    },
  };
}
