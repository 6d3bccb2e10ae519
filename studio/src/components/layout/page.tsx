import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

type PageProps = { title: ReactNode; lead?: ReactNode; actions?: ReactNode; children: ReactNode; full?: boolean; fill?: boolean };

/** A page's heading, its buttons, and its content. */
export function Page({ title, lead, actions, children, full, fill }: PageProps) {
  return (
    <div className={cn("mx-auto flex w-full flex-col gap-5 px-4 py-5 sm:px-6", full ? "max-w-none" : "max-w-7xl", fill ? "h-full" : "min-h-full")}>
      <header className="flex flex-wrap items-center justify-between gap-3">
        <div className="min-w-0">
          <h1 className="truncate text-xl font-semibold tracking-tight">{title}</h1>
          {lead && <p className="mt-0.5 text-soft">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export const Card = ({ title, actions, children, className }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) => (
  <section className={cn("rounded-xl border bg-card", className)}>
    {title && (
      <header className="flex items-center justify-between gap-2 border-b px-4 py-2.5">
        <h2 className="text-sm font-semibold">{title}</h2>
        {actions}
      </header>
    )}
    <div className="p-4">{children}</div>
  </section>
);
