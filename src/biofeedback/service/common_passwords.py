"""The passwords of ten signs and more that guessers try first.

Shorter ones are refused for their length. Written in lower case and without spaces.
"""

from __future__ import annotations

COMMON = frozenset(
    """
    0123456789 1029384756 1111122222 1122334455 1212121212 123123123a 1231231234
    12341234qwer 1234512345 123456123456 1234567890 12345678900 123456789a 123456789abc
    123456789q 1234567891 12345678910 1234567899 123456abcdef 1234abcd1234 1234qwerasdf
    123qweasdzxc 147258369a 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc
    9876543210 987654321a a123456789 aa12345678 aa123456789 abc1234567 abc123456789
    abcd123456 abcd1234567 abcdefg123 abcdefghij administrator admin12345 admin123456
    adminadmin adminpassword alexander1 asdf123456 asdfasdfasdf asdfghjkl1 asdfghjkl123
    asdfghjkl; assassin123 azertyuiop barcelona1 baseball123 basketball basketball1
    billybob123 biofeedback biofeedback1 biofeedback123 blink182blink breathe123
    butterfly1 california1 caterpillar changeme01 changeme12 changeme123 charlie123
    chocolate1 christopher christmas1 computer12 computer123 daniel1234 default123
    dontforget dragon1234 elizabeth1 facebook123 fernando123 football12 football123
    forgetmenot friendship gabriel123 geheim1234 geheimnis1 goodmorning guest12345
    hallo12345 hallohallo hallowelt1 harrypotter heartbeat1 heartbeat123 helloworld
    helloworld1 hello12345 iloveyou12 iloveyou123 iloveyou1234 iloveyousomuch
    ichliebedich internet12 internet123 jennifer123 jonathan123 justinbieber
    konstantin letmein123 letmein1234 letmeinnow liverpool1 liverpool123 lovelylove
    loveyou123 manchester manchester1 manunited1 master1234 meditation meditation1
    michael123 michelle123 microsoft1 mindfulness mindfulness1 minecraft1 minecraft123
    motherlode mypassword mypassword1 newpassword newyork123 nicholas123 p4ssw0rd123
    p@ssw0rd12 p@ssw0rd123 p@ssword123 pa$$w0rd123 pass123456 passpasspass passport123
    passw0rd12 passw0rd123 passwort12 passwort123 passwort1234 passwortpasswort
    password00 password01 password10 password11 password12 password12! password123
    password123! password1234 password12345 password21 password2024 password2025
    password2026 password99 passwordpassword patient123 patient1234 playstation
    pokemon123 portugal123 princess12 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc1
    qazwsxedc123 qazwsxedcrfv qwe123asd456 qwer123456 qwerasdfzxcv qwertqwert
    qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1
    qwertyuiop123 qwertz1234 qwertz12345 qwertz123456 qwertzuiop qwertzuiopü
    relaxation rockandroll rollercoaster samantha123 schalke04s schatz1234
    schmetterling scoobydoo1 secret1234 secret12345 september1 snowboard1 sonnenschein
    sonnenblume spiderman1 spiderman123 starwars12 starwars123 strawberry summer2024
    summer2025 summer2026 sunshine12 sunshine123 superman12 superman123 superstar1
    sweetheart temppassword test123456 test1234567 testtest123 testtesttest
    therapist1 therapist123 thunderbird trustno1trust trustnoone undertaker
    university1 user123456 valentina1 victoria123 volleyball w1lls0n123 welcome123
    welcome1234 welcome2024 welcome2025 welcome2026 willkommen willkommen1 winter2024
    winter2025 winter2026 wordpass123 xxxxxxxxxx zaq12wsxcde zaq1xsw2cde3 zxcvbnm123
    zxcvbnm1234 zxcvbnmasdfghjkl
    """.split()
)
