/**
 * Units. Vendor units stop at a driver's table; beyond it a number has one of these types, named in
 * full by its unit, so a watt cannot be passed where a terahash is due.
 */
declare const unit: unique symbol;
type Quantity<Unit extends string> = number & { readonly [unit]: Unit };

export type Watts = Quantity<"W">;
export type Joules = Quantity<"J">;
export type TerahashesPerSecond = Quantity<"TH/s">;
export type Terahashes = Quantity<"TH">;
export type JoulesPerTerahash = Quantity<"J/TH">;
export type Seconds = Quantity<"s">;
export type UnixMilliseconds = Quantity<"ms since 1970-01-01T00:00Z">;
/** Milliseconds of a clock that never steps; only differences mean anything. */
export type MonotonicMilliseconds = Quantity<"ms of a clock that never steps">;
export type UnitedStatesDollars = Quantity<"USD">;
export type UsdPerMegawattHour = Quantity<"USD/MWh">;
export type UsdPerWattYear = Quantity<"USD/W-yr">;
export type UsdPerHour = Quantity<"USD/h">;
export type UsdPerPetahashPerSecondDay = Quantity<"USD/(PH/s)/day">;
export type Satoshis = Quantity<"sat">;

/** Names the unit of a bare number. The only cast in the code base that makes a quantity. */
export function quantity<Q extends Quantity<string>>(value: number): Q {
	return value as Q;
}

export const MILLISECONDS_PER_SECOND = 1_000;
export const SECONDS_PER_HOUR = 3_600;
export const SECONDS_PER_DAY = 86_400;
/** The convention of every price quoted per year here: 365 days, 8,760 hours. */
export const HOURS_PER_YEAR = 8_760;
export const WATTS_PER_MEGAWATT = 1e6;
export const JOULES_PER_MEGAWATT_HOUR = 3.6e9;
export const TERAHASHES_PER_PETAHASH = 1_000;
