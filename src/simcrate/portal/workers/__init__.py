"""Workers as they show themselves: who is alive, what each can do, how busy it is."""
