# Plots the columns that scale.awk makes, CONTENDER.dat in the working directory, to stdout as SVG.
set terminal svg size 1080,420 font "sans-serif,13" background rgb "white"
set multiplot layout 1,3
set datafile missing "-"
set logscale xy
set format x "10^{%L}"
set xrange [0.8:14000]
set xlabel "mappings"
set grid
set key off
set style data linespoints
set linetype 1 lc rgb "#0072b2" pt 7 lw 2
set linetype 2 lc rgb "#009e73" pt 5 lw 2
set linetype 3 lc rgb "#d55e00" pt 9 lw 2
set linetype 4 lc rgb "#cc79a7" pt 13 lw 2

# A contender that was left out has an empty file.
names = "nftables iptables portmap netavark"
titles = "'natmap, nftables' 'natmap, iptables' 'CNI portmap' 'netavark, port only'"
there(i) = system("test -s ".word(names, i).".dat && echo 1 || echo 0") + 0
file(i) = there(i) ? word(names, i).".dat" : "/dev/null"

set yrange [1:10000]
set format y "%g"
set title "publish, ms"
set key top left
plot for [i = 1:4] (there(i) ? word(names, i).".dat" : "<echo 1 NaN NaN NaN") using 1:2 \
	title there(i) ? word(titles, i) : "" linetype i
set key off
set title "withdraw, ms"
plot for [i = 1:4] (there(i) ? word(names, i).".dat" : "<echo 1 NaN NaN NaN") using 1:3 linetype i
set yrange [*:*]
set title "new connections per second"
plot for [i = 1:4] (there(i) ? word(names, i).".dat" : "<echo 1 NaN NaN NaN") using 1:4 linetype i
unset multiplot
