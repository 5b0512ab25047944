/** How a number may stand in the 16-bit registers of a Modbus device. A list alone. */
export const REGISTER_TYPES = [
	"uint16",
	"int16",
	"uint32",
	"int32",
	"uint64",
	"int64",
	"float32",
	"float64",
] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];
