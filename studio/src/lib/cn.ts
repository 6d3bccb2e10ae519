import { clsx, type ClassValue } from "clsx";
import { twMerge } from "tailwind-merge";

/** Class names joined; of two Tailwind classes for one thing the later wins. */
export const cn = (...given: ClassValue[]) => twMerge(clsx(given));
