"""One network a device on spectrograms of signed packet sizes: is the device still itself?"""
