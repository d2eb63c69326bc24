/** The middle value; of an even number the mean of both. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

type Points = readonly (readonly [x: number, y: number])[];

export interface Line {
  readonly slope: number;
  /** Standard error of the slope. */
  readonly error: number;
}

/** The straight line that fits the points best (least squares). NaN where there are fewer than three. */
export function fittedLine(points: Points): Line {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = covariance / variance;
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: count < 3 ? Number.NaN : Math.sqrt(residual / (count - 2) / variance) };
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
