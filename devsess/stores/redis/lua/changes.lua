local of, seq, most, fresh = arg(), number(), number(), arg()
return behind(history(fresh), of, seq, most)
