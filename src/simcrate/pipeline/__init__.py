"""The story: simulate → collect → parse → statistics → pack → upload → notify.

One module per stage; stages are strangers to each other and meet only in `runner.py`.  `jobs.py` has the
frozen values that go in and come out, `place.py` the directories on a worker.
"""
