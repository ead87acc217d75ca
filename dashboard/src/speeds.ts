/** How fast a recording can be shown again; 1 is as it was. */
export const speeds: readonly number[] = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];
