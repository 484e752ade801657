// A table to fill in by keyboard: controls marked `data-cell` in rows marked `data-row`.
// Enter and the arrows go from cell to cell as in a spreadsheet, Tab as everywhere.

const rowsOf = (sheet) => [...sheet.querySelectorAll('[data-row]')].filter((row) => row.checkVisibility());
const cellsOf = (row) => [...row.querySelectorAll('[data-cell]')];

/** Whether the caret of a text stands where an arrow would leave it; what is wholly chosen is left either way. */
function leaves(cell, way) {
  if (cell.selectionStart === undefined || cell.selectionStart === null) return true;
  const [from, to, length] = [cell.selectionStart, cell.selectionEnd, cell.value.length];
  if (from === 0 && to === length) return true;
  return from === to && (way < 0 ? from === 0 : to === length);
}

/** How far a key goes: rows, cells; null where it is the control's own. */
function step(event, cell) {
  if (event.altKey || event.metaKey || event.ctrlKey || event.isComposing) return null;
  switch (event.key) {
    case 'Enter': return cell.matches('button') ? null : [event.shiftKey ? -1 : 1, 0];
    case 'ArrowUp': return [-1, 0];
    case 'ArrowDown': return [1, 0];
    case 'ArrowLeft': return event.shiftKey || !leaves(cell, -1) ? null : [0, -1];
    case 'ArrowRight': return event.shiftKey || !leaves(cell, 1) ? null : [0, 1];
    default: return null;
  }
}

function enter(cell) {
  cell.focus();
  cell.select?.(); // typing takes the place of what stands there
}

/** Lets the keys go from cell to cell of `sheet`. */
export function walkable(sheet) {
  sheet.addEventListener('keydown', (event) => {
    const cell = event.target.closest?.('[data-cell]');
    const by = cell && step(event, cell);
    if (!by) return;
    event.preventDefault();
    const rows = rowsOf(sheet);
    const at = cell.closest('[data-row]');
    const cells = cellsOf(at);
    const next = by[0]
      ? cellsOf(rows[rows.indexOf(at) + by[0]] ?? at)[cells.indexOf(cell)]
      : cells[cells.indexOf(cell) + by[1]];
    if (next && next !== cell) enter(next);
  });
}
