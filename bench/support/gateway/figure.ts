/** A figure of a gateway with its required bound, beside the figure of Temporal's client in the same run. */
export interface GatewayFigure {
  figure: string;
  unit: string;
  gateway: number;
  direct?: number;
  atMost?: number;
  atLeast?: number;
  isHeld: boolean;
}

/** A row of the results. */
export function figureOf(
  figure: string,
  unit: string,
  gateway: number,
  bounds: { direct?: number; atMost?: number; atLeast?: number },
): GatewayFigure {
  const { atMost = Infinity, atLeast = -Infinity } = bounds;
  return { figure, unit, gateway, ...bounds, isHeld: gateway <= atMost && gateway >= atLeast };
}

/** The cells of a row: figure, gateway, direct, bound, held. */
export function cellsOf({ figure, unit, gateway, direct, atMost, atLeast, isHeld }: GatewayFigure): string[] {
  const text = (value: number | undefined) =>
    value === undefined ? '–' : `${value.toFixed(value < 100 && !Number.isInteger(value) ? 2 : 0)} ${unit}`;
  const bound = atMost === undefined ? `≥ ${text(atLeast)}` : `≤ ${text(atMost)}`;
  return [figure, text(gateway), text(direct), atMost === atLeast ? '–' : bound, isHeld ? 'yes' : 'NO'];
}
