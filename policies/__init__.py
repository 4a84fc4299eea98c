"""What must hold: ``access`` says who may do what, ``infrastructure`` how things are made."""
