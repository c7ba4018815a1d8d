"""What awsync shows without anyone's own data: a real ActivityWatch server, made-up days, a small receiver.

May import: everything but the console.
"""
