throw new Error('wrong binary for this machine')
