/** Spectra over time as one picture: a column an instant, a row a frequency. */

import type uPlot from "uplot";
import type { Colours } from "./plots.ts";
import type { Spectra } from "./research.ts";

const SHADES = 64;

export interface Heat {
  /** The powers at both ends of the scale, in words. */
  readonly low: string;
  readonly high: string;
  draw(u: uPlot, pen: CanvasRenderingContext2D, stepS: number): void;
}

/** Null where nothing is known at all. */
export function heatOf(spectra: Spectra, colours: Colours): Heat | null {
  const rows = spectra.ms2_per_hz;
  const logs = rows
    .flatMap((row) => row ?? [])
    .filter((p) => p > 0)
    .map(Math.log10)
    .sort((a, b) => a - b);
  if (logs.length === 0) return null;
  const high = logs[Math.floor(0.995 * (logs.length - 1))] ?? 0;
  const low = Math.max(logs[Math.floor(0.05 * (logs.length - 1))] ?? 0, high - 3.5);
  const nBins = spectra.hz.length;
  const picture = document.createElement("canvas");
  picture.width = rows.length;
  picture.height = nBins;
  const brush = picture.getContext("2d");
  if (!brush) return null;
  const shades = ramp(colours);
  rows.forEach((row, i) => {
    row?.forEach((power, k) => {
      const share = power > 0 ? (Math.log10(power) - low) / (high - low || 1) : 0;
      brush.fillStyle = shades[Math.round(Math.min(Math.max(share, 0), 1) * (SHADES - 1))] ?? "";
      brush.fillRect(i, nBins - 1 - k, 1, 1);
    });
  });
  const binHz = (spectra.hz[1] ?? 1) - (spectra.hz[0] ?? 0);
  const firstS = (spectra.t_ms[0] ?? 0) / 1000;
  const lastS = (spectra.t_ms.at(-1) ?? 0) / 1000;
  return {
    low: amount(10 ** low),
    high: amount(10 ** high),
    draw: (u, pen, stepS) => {
      const { left, top, width, height } = u.bbox;
      pen.save();
      pen.beginPath();
      pen.rect(left, top, width, height);
      pen.clip();
      const from = u.valToPos(firstS - stepS, "x", true);
      const to = u.valToPos(lastS, "x", true);
      const hatch = hatching(pen, colours.line);
      if (hatch) {
        pen.fillStyle = hatch;
        pen.fillRect(from, top, to - from, height);
      }
      const upper = u.valToPos((nBins - 0.5) * binHz, "y", true);
      const lower = u.valToPos(-0.5 * binHz, "y", true);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(picture, from, upper, to - from, lower - upper);
      pen.restore();
    },
  };
}

function amount(power: number): string {
  return power >= 10 ? String(Number(power.toPrecision(2))) : power.toPrecision(1);
}

/** From the ground to full ink by way of the calm accent: one hue, never red. */
function ramp({ dark }: Colours): readonly string[] {
  return Array.from({ length: SHADES }, (_, i) => {
    const share = i / (SHADES - 1);
    const light = dark ? 16 + 74 * share : 94 - 76 * share;
    const chroma = 12 + 30 * Math.sin(Math.PI * Math.min(share * 1.1, 1));
    return `hsl(${168 + 40 * share} ${chroma}% ${light}%)`;
  });
}

function hatching(pen: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 12;
  const brush = tile.getContext("2d");
  if (!brush) return null;
  brush.strokeStyle = colour;
  brush.lineWidth = 1;
  brush.beginPath();
  for (const shift of [-12, 0, 12]) {
    brush.moveTo(shift, 12);
    brush.lineTo(shift + 12, 0);
  }
  brush.stroke();
  return pen.createPattern(tile, "repeat");
}
