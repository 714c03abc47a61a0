/** The methods that a type has. A receiver always has the type the table is for. */
export type Method<T = never> = (self: T, args: readonly unknown[]) => unknown
export type Methods<T> = Readonly<Record<string, Method<T>>>
export type Accessor<T = never> = (self: T) => unknown
export type Accessors<T> = Readonly<Record<string, Accessor<T>>>
