import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const looks = cva("inline-flex items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap [&_svg]:size-3", {
  variants: {
    tone: {
      plain: "bg-sunk text-soft",
      leaf: "bg-leaf-wash text-leaf",
      ember: "bg-ember-wash text-ember",
      rose: "bg-rose-wash text-rose",
      sky: "bg-sky-wash text-sky",
      moss: "bg-moss-wash text-moss",
    },
  },
  defaultVariants: { tone: "plain" },
});

export const Badge = ({ className, tone, ...rest }: ComponentProps<"span"> & VariantProps<typeof looks>) => (
  <span className={cn(looks({ tone }), className)} {...rest} />
);
