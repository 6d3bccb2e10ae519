import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** A table that scrolls sideways by itself where the screen is narrow. */
export const Table = ({ className, label, ...rest }: ComponentProps<"table"> & { label: string }) => (
  <div className="relative overflow-x-auto rounded-xl border bg-card" tabIndex={0} role="region" aria-label={label}>
    <table className={cn("w-full border-collapse text-left text-[13px] [&_td]:px-3 [&_td]:py-2 [&_tbody_tr]:border-t [&_th]:px-3 [&_th]:py-2 [&_th]:text-xs [&_th]:font-medium [&_th]:whitespace-nowrap [&_th]:text-soft", className)} {...rest} />
  </div>
);
