/** A view that is fetched when it is first shown: who only looks at the site need not load the others. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function later(load: () => Promise<ComponentType>): ComponentType {
	let loaded: ComponentType | undefined;
	return function Later() {
		const [View, setView] = useState<ComponentType | undefined>(() => loaded);
		const [hasFailed, setFailed] = useState(false);
		useEffect(() => {
			if (loaded !== undefined) return;
			load().then(
				(found) => {
					loaded = found;
					setView(() => found);
				},
				() => setFailed(true),
			);
		}, []);
		if (View !== undefined) return <View />;
		// A new version has other files: the page that is open knows the old ones.
		return <p class="waiting">{hasFailed ? "This part cannot be loaded: reload the page." : "Loading …"}</p>;
	};
}
