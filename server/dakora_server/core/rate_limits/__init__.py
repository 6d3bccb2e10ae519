"""How often a key, a signed-in user and a workspace may call: windows of allowances, in memory or shared in Redis."""

from dakora_server.core.rate_limits.enforcement import RateLimits, Verdict
from dakora_server.core.rate_limits.rates import LimitClass, Rates

__all__ = ["LimitClass", "RateLimits", "Rates", "Verdict"]
