/** A device's user and password, from the configuration only; there are no defaults. A type alone. */
export type Credentials = { readonly user: string; readonly password: string };
