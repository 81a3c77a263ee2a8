"""The built-in simulator: an opportunistic network of mobile nodes that store, carry and forward.

A program of its own, run as `python -m simcrate.oppsim`, with the command line, the output, the exit
codes and the result files of an OMNeT++ simulation run under Cmdenv.  It needs the standard library,
numpy and `simcrate.inifile`, and knows nothing else of SimCrate.

    arguments, cmdenv, status      the command-line front end
    parameters, settings           what the ini file says: the model's parameters, the run's options
    execution, kernel, streams     one run: simulated time, events, random numbers
    mobility, contacts, trace      who meets whom, and when
    traffic                        who sends to whom, and when
    messages, routing, network     what is carried, who gets it, how it gets there
    statistics, measures           what is measured
    recording                      how it is written
"""
