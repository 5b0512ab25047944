/** A table that may be wider than its place: it scrolls by itself, by keyboard too, and says what it is; its heads. */
import type { ComponentChildren } from "preact";

export function Wide({ of, children }: { readonly of: string; readonly children: ComponentChildren }) {
	return (
		// biome-ignore lint/a11y/useSemanticElements: no landmark, since its section has that name, and a fieldset is for controls.
		// biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
		<div class="table-scroll" role="group" tabIndex={0} aria-label={of}>
			{children}
		</div>
	);
}

/** Over numbers, and so at their right end; over words with `left`. */
export function Heads({ of }: { readonly of: readonly (string | { readonly left: string })[] }) {
	return (
		<thead>
			<tr>
				{of.map((head, column) => (
					<th key={column} scope="col" class={typeof head === "string" ? undefined : "left"}>
						{typeof head === "string" ? head : head.left}
					</th>
				))}
			</tr>
		</thead>
	);
}
