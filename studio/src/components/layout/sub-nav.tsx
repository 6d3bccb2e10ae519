import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, useRef, type RefObject } from "react";

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

/** Where a row of links is wider than the screen, the one of the page that is open is in sight. */
export function useInSight(nav: RefObject<HTMLElement | null>) {
  const { pathname } = useLocation();
  useEffect(() => {
    const row = nav.current;
    const active = row?.querySelector<HTMLElement>('[aria-current="page"]');
    if (row && active && row.scrollWidth > row.clientWidth) row.scrollTo({ left: active.offsetLeft - (row.clientWidth - active.offsetWidth) / 2 });
  }, [nav, pathname]);
}
