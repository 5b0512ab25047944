/**
 * Light or dark: the system's choice until the operator makes another, which is remembered. The
 * colours themselves stand in page.css; canvases ask here for their computed values.
 */
import { useEffect, useState } from "preact/hooks";
import { remember, remembered } from "./browser.js";

export type Theme = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function currentTheme(): Theme {
	const chosen = document.documentElement.getAttribute("data-theme");
	if (chosen === "light" || chosen === "dark") return chosen;
	return system.matches ? "dark" : "light";
}

/** Call once, before the first drawing. */
export function startTheme(): void {
	const chosen = remembered("theme");
	if (chosen === "light" || chosen === "dark") document.documentElement.setAttribute("data-theme", chosen);
	system.addEventListener("change", tellAll);
}

/** To the other one; back at the system's own choice the page follows the system again. */
export function toggleTheme(): void {
	const next = currentTheme() === "dark" ? "light" : "dark";
	const isSystems = (next === "dark") === system.matches;
	if (isSystems) document.documentElement.removeAttribute("data-theme");
	else document.documentElement.setAttribute("data-theme", next);
	remember("theme", isSystems ? undefined : next);
	tellAll();
}

export function useTheme(): Theme {
	const [theme, setTheme] = useState(currentTheme);
	useEffect(() => {
		const follow = () => setTheme(currentTheme());
		listeners.add(follow);
		return () => {
			listeners.delete(follow);
		};
	}, []);
	return theme;
}

/** A colour of page.css as the canvas needs it: computed for the theme in force. */
export function colour(name: string): string {
	const probe = document.createElement("span");
	probe.style.color = `var(--${name})`;
	document.body.append(probe);
	const computed = getComputedStyle(probe).color;
	probe.remove();
	return computed;
}

function tellAll(): void {
	for (const listener of listeners) listener();
}
