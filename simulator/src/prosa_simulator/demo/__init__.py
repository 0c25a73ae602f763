"""The demo: the whole product against the simulator, told step by step."""
