local user = arg()
return binding(user, some())
