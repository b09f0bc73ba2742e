/** Draws the windows of faults behind a chart, with their labels above. */
import type uPlot from 'uplot';
import type { FaultShade } from '../render/html/chart-types';
import type { Ink } from './theme';

/** The space above the plot for the labels of faults. */
export const LABEL_PX = 20;
const FONT_PX = 11;
const LABEL_GAP_PX = 6;
/** The opacity of a shade in the colour of its run, in hex. */
const SHADE_ALPHA = '24';

export function font(px: number, pxRatio: number, weight = 400): string {
  return `${weight} ${px * pxRatio}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
}

/** Returns a span of the shared axis in canvas pixels, clipped to the plot; null if it is outside. */
export function spanOf(u: uPlot, from: number, to: number): { left: number; width: number } | null {
  const { left, width } = u.bbox;
  const at = (secs: number): number => Math.min(left + width, Math.max(left, u.valToPos(secs, 'x', true)));
  const span = { left: at(from), width: at(to) - at(from) };
  const isOutside = to < (u.scales['x']!.min ?? 0) || from > (u.scales['x']!.max ?? 0);
  return isOutside ? null : span;
}

export function drawShades(u: uPlot, faults: readonly FaultShade[], ink: Ink, withLabels: boolean): void {
  const { ctx, bbox } = u;
  ctx.save();
  for (const fault of faults) {
    const felt = spanOf(u, fault.to, fault.felt);
    if (felt) fill(ctx, ink.felt, felt, bbox);
    const window = spanOf(u, fault.from, fault.to);
    if (!window) continue;
    const own = fault.colour && ink.of(fault.colour);
    fill(ctx, own ? `${own}${SHADE_ALPHA}` : ink.fault, window, bbox);
    const isStart = fault.from >= (u.scales['x']!.min ?? 0);
    if (isStart) fill(ctx, own ?? ink.faultEdge, { ...window, width: edge() }, bbox);
  }
  if (withLabels) drawLabels(u, faults, ink);
  ctx.restore();
}

function edge(): number {
  return Math.max(1, Math.round(devicePixelRatio));
}

function fill(
  ctx: CanvasRenderingContext2D,
  colour: string,
  { left, width }: { left: number; width: number },
  { top, height }: uPlot.BBox,
): void {
  ctx.fillStyle = colour;
  ctx.fillRect(left, top, Math.max(width, 1), height);
}

/** Draws labels at the start of their window; shorter ones, or none, if they would touch the next. */
function drawLabels(u: uPlot, faults: readonly FaultShade[], ink: Ink): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.font = font(FONT_PX, ratio, 600);
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = 'left';
  const right = bbox.left + bbox.width;
  const places = faults.flatMap((fault) => {
    const window = spanOf(u, fault.from, fault.to);
    return window ? [{ fault, left: window.left }] : [];
  });
  places.sort((a, b) => a.left - b.left);
  let free = 0;
  places.forEach(({ fault, left }, index) => {
    const end = Math.min(places[index + 1]?.left ?? Infinity, right + LABEL_GAP_PX * ratio) - LABEL_GAP_PX * ratio;
    const isLast = index === places.length - 1;
    const said =
      fault.labels.find((each) => left + ctx.measureText(each).width <= end) ?? (isLast && fault.labels.at(-1));
    if (!said) return;
    const wide = ctx.measureText(said).width;
    const at = Math.min(left, right - wide);
    if (at < free) return;
    ctx.fillStyle = fault.colour ? ink.of(fault.colour) : ink.faultText;
    ctx.fillText(said, at, bbox.top - 6 * ratio);
    free = at + wide + LABEL_GAP_PX * ratio;
  });
}
