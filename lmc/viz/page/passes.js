// The forward passes of a run, from left to right in time: above all of them, as high as they had tokens, and a row for
// each call with what each pass did for it: prompt found in the cache, prompt computed, tokens generated.
if (data.run) {
  const {calls, passes} = data.run, ROW = 20, ABOVE = 60, LABELS = 34 * CHAR, AXIS = 22, NARROW = 3;
  const end = Math.max(0.001, ...calls.map(call => call.end), ...passes.map(each => each.begin + each.seconds));
  const most = Math.max(1, ...passes.map(each => each.tokens));
  let stretch = 1;

  const seconds = number => !number ? "0" : number < 0.1 ? (number * 1000).toFixed(1) + " ms" : number.toFixed(2) + " s";

  function tellPass(number) {
    const pass = passes[number];
    start(`pass ${number}`);
    numbers([["began at", seconds(pass.begin)], ["took", seconds(pass.seconds)], ["tokens", pass.tokens], ["calls in it", pass.rows.length]]);
    for (const [call, cached, computed, output] of pass.rows.slice(0, 40)) {
      const name = call < 0 ? "a call of another item" : data.rows[calls[call].row].name;
      const did = [[cached, "from the cache"], [computed, "computed"], [output, "generated"]].filter(each => each[0]);
      html(says, "h3", name);
      html(says, "code", did.map(each => each.join(" ")).join(", ") || "nothing new");
    }
    if (pass.rows.length > 40) html(says, "p", `and ${pass.rows.length - 40} more`, "note");
  }

  // The blocks of each call: passes one after another that only generate are one where they are too narrow to be told apart.
  function blocks(scale) {
    const all = calls.map(() => []);
    passes.forEach((pass, at) => {
      for (const [call, cached, computed, output] of pass.rows) {
        if (call < 0) continue;
        const found = all[call], last = found[found.length - 1], until = pass.begin + pass.seconds;
        const goesOn = last && last.pass + last.many === at && !(cached || computed || last.cached || last.computed);
        if (goesOn && pass.seconds * scale < NARROW) {
          last.end = until;
          last.many++;
        } else found.push({begin: pass.begin, end: until, cached, computed, pass: at, many: 1});
      }
    });
    return all;
  }

  function drawBlock(block, left, y, scale, tall) {
    const x = left + block.begin * scale, width = Math.max(0.8, (block.end - block.begin) * scale);
    const label = block.many > 1 ? `passes ${block.pass} to ${block.pass + block.many - 1}` : `pass ${block.pass}`;
    const group = thing(picture, {x, y}, label, () => tellPass(block.pass), () => {});
    const prompt = block.cached + block.computed;
    if (prompt) {
      const high = tall * block.cached / prompt;
      if (high) made(group, "rect", {class: "cached", x, y, width, height: high});
      if (high < tall) made(group, "rect", {class: "computed", x, y: y + high, width, height: tall - high});
    } else made(group, "rect", {class: "decoded", x, y, width, height: tall});
    made(group, "rect", {class: "edge frame", x, y, width, height: tall});
  }

  function drawAxis(left, scale, height) {
    const rough = end / Math.max(2, Math.floor(end * scale / 110)), unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(factor => factor * unit).find(each => each >= rough);
    for (let at = 0; at <= end; at += step) {
      made(picture, "line", {class: "axis faint", x1: left + at * scale, x2: left + at * scale, y1: AXIS - 4, y2: height});
      words(picture, "note", left + at * scale + 3, 12, seconds(at), 12);
    }
  }

  views.passes = {
    title: "Passes",
    legend: [
      [["cached frame"], "prompt from the cache"], [["computed frame"], "prompt computed"], [["decoded frame"], "generated"],
      [["wait"], "asked, not ended"],
    ],
    buttons: [["shorter", "−", () => zoom(0.5)], ["longer", "+", () => zoom(2)], ["whole", "Fit", () => zoom(0)]],
    draw() {
      const labels = Math.min(LABELS, scroller.clientWidth * 0.35), left = labels + 8;
      const scale = Math.max(240, (scroller.clientWidth - 40 - left) * stretch) / end;
      const row = Math.min(ROW, Math.max(3, (scroller.clientHeight - AXIS - ABOVE - 40) / Math.max(1, calls.length)));
      const top = AXIS + ABOVE + 8, height = top + calls.length * row;
      picture.setAttribute("width", left + end * scale + 8);
      picture.setAttribute("height", height + 4);
      drawAxis(left, scale, height);
      passes.forEach((pass, number) => {
        const high = Math.max(1, (ABOVE - 4) * pass.tokens / most), x = left + pass.begin * scale, y = AXIS + ABOVE - high;
        const width = Math.max(0.8, pass.seconds * scale);
        const group = thing(picture, {x, y: AXIS}, `pass ${number}: ${pass.tokens} tokens`, () => tellPass(number), () => {});
        made(group, "rect", {class: "edge frame bar-of-pass", x, y, width, height: high});
      });
      words(picture, "note", 0, AXIS + ABOVE - 4, "tokens of each pass", labels / CHAR);
      const done = blocks(scale);
      calls.forEach((call, number) => {
        const y = top + number * row, tall = Math.max(2, row - 4);
        const group = thing(picture, {x: 0, y}, data.rows[call.row].name, () => tellCall(call.row), () => {});
        mark(group, matches(call.row));
        made(group, "rect", {class: "edge wait", x: left + call.begin * scale, y: y + tall / 2 - 1, width: Math.max(1, (call.end - call.begin) * scale), height: 2});
        if (row >= 11) words(group, "", 0, y + row / 2 + 3, data.rows[call.row].name, labels / CHAR);
        for (const block of done[number]) drawBlock(block, left, y, scale, tall);
      });
    },
    all() { zoom(0); },
  };

  function zoom(factor) {
    stretch = factor ? Math.min(64, Math.max(1, stretch * factor)) : 1;
    draw();
  }
}
