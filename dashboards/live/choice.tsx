/** A few named options of which one holds: buttons that say which is pressed. */
export function Choice<Value extends string>({
	name,
	options,
	chosen,
	onChoose,
}: {
	readonly name: string;
	readonly options: readonly { readonly value: Value; readonly label: string }[];
	readonly chosen: Value;
	readonly onChoose: (value: Value) => void;
}) {
	return (
		<fieldset class="choice" aria-label={name}>
			{options.map(({ value, label }) => (
				<button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
					{label}
				</button>
			))}
		</fieldset>
	);
}
