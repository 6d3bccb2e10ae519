import cProfile, pstats, os
async def test_prof(open_scene, seed):
    from isolation_suite.driver import drive
    from isolation_suite.requests import Composer
    async with open_scene() as scene:
        for warm in (1.0, 0.0):
            c = Composer(scene.app, scene.tenants, warm=warm)
            await drive([scene.app], scene.tenants, c, 2000, seed=seed)
            run = await drive([scene.app], scene.tenants, c, 5000 if warm else 3000, seed=seed)
            print(warm, run)
        c = Composer(scene.app, scene.tenants, warm=0.0)
        p = cProfile.Profile(); p.enable()
        run = await drive([scene.app], scene.tenants, c, 1000, seed=seed)
        p.disable(); pstats.Stats(p).sort_stats("cumtime").print_stats(60)
        from collections import Counter
        per=Counter()
        import time
        from isolation_suite.requests import operations_of
        for op in operations_of(scene.app):
            c = Composer(scene.app, scene.tenants, warm=0.0, only=[op.name])
            try: run = await drive([scene.app], scene.tenants, c, 60, seed=seed)
            except Exception as e: print(op.name, repr(e)); continue
            print(op.name, round(1000*run.seconds/60,1), dict((k[1],v) for k,v in run.statuses.items()))
