/** A table that may be wider than its place: it scrolls by itself, by keyboard too, and says what it is. */
import type { ComponentChildren } from "preact";

export function Wide({ of, children }: { readonly of: string; readonly children: ComponentChildren }) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
		<section class="table-scroll" tabIndex={0} aria-label={of}>
			{children}
		</section>
	);
}
