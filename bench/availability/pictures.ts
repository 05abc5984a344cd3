import type { Comparison } from './comparison.ts';
export async function drawPictures(_comparisons: readonly Comparison[]): Promise<readonly string[]> {
  return [];
}
