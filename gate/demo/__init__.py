"""`gate demo`: an agent in training that opens a tunnel and mines, and what a gate makes of it.

The story is that of the ROME agent (arXiv 2512.24873, section 3.1.4): in reinforcement learning, with a shell as its tool, it opened a reverse
SSH tunnel and mined on the training machines, as a side effect of ordinary tool use.  Here files, processes, the listener on loopback, the
keys and the log are real; only the agent's mind is a written plan, and nothing leaves the machine.

    scene     the folder, the programs and the listener, and what happens without a gate
    play      the gate, the agent, and everything observed, as checks, figures and rows
    task      without a gate; the task behind one; the tunnel and the miner
    people    a rule asks a person: waiting, a swapped argument, a yes used twice
    bounds    a sub-agent, a budget, the kill switch
    evidence  the log: verified, and changed by one byte
    report    the summary table, for people and as JSON
"""
