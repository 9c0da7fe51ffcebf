"""How much inductive bias a task asks for, and exact learning in the kernel limit."""
