import { Link } from "@tanstack/react-router";
import { useRef } from "react";
import { useInSight } from "@/lib/hooks";

/** The pages inside of a page. */
export function SubNav({ label, items }: { label: string; items: [string, string][] }) {
  const nav = useRef<HTMLElement>(null);
  useInSight(nav);
  return (
    <nav ref={nav} aria-label={label} className="relative flex gap-1 overflow-x-auto border-b">
      {items.map(([name, to]) => (
        <Link key={to} to={to} className="-mb-px border-b-2 px-2.5 pb-2 whitespace-nowrap" activeProps={{ className: "border-leaf font-medium" }} inactiveProps={{ className: "border-transparent text-soft hover:text-ink" }}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
